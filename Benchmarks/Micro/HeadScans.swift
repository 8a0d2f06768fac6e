import DataPlane
import Measuring
import NIOCore

extension Benchmark {
    /// Reading heads as they arrive whole, with the field table given back as connections give it back.
    static let headScans = [
        requestHead("curl", "the request head that curl sends, with a token", .curl),
        requestHead("browser", "the request head that a browser sends", .browser),
        Benchmark(name: "head-scan/answer", summary: "the answer's head that nginx sends") {
            let bytes = ByteBuffer(string: .answer)
            var parser = ResponseHeadParser()
            return { count in
                var good = 0
                for _ in 0..<count {
                    var arrived = bytes
                    guard case .head(let head) = parser.parse(&arrived, answering: .get) else { break }
                    if head.status == 200, arrived.readableBytes == 0 { good += 1 }
                    parser.recycle(head)
                }
                return good
            }
        },
    ]

    private static func requestHead(_ name: String, _ summary: String, _ text: String) -> Benchmark {
        Benchmark(name: "head-scan/\(name)", summary: summary) {
            let bytes = ByteBuffer(string: text)
            var parser = RequestHeadParser()
            return { count in
                var good = 0
                for _ in 0..<count {
                    var arrived = bytes
                    guard case .head(let head) = parser.parse(&arrived) else { break }
                    if head.knownMethod == .get, arrived.readableBytes == 0 { good += 1 }
                    parser.recycle(head)
                }
                return good
            }
        }
    }
}

extension String {
    fileprivate static let curl = """
        GET /api-endpoints-v1/call?email=john-doe%40acme.com HTTP/1.1\r
        Host: gateway.example\r
        User-Agent: curl/7.88.1\r
        Accept: */*\r
        Authorization: Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJkNGFlZTc0ZTEzMTkyNjY4MjA0MzM5\
        NWVkZWNhZjM3Nzc2NWZhZTQ4ZTU2ZTIzMmNiMjk1YWY0NzViMzE0NTQ1IiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNzk1NDc\
        4NDAwLCJleHAiOjE3OTU0ODIwMDB9.4m1b7mEr8YxZr0b5kJxLzj7m2p8vQyqk1sQ3o5u9Zxw\r
        \r

        """

    fileprivate static let browser = """
        GET /api-endpoints-v1/orders/1742?page=2&sort=%2Bname HTTP/1.1\r
        Host: gateway.example\r
        User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r
        Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r
        Accept-Language: en-US,en;q=0.5\r
        Accept-Encoding: gzip, deflate, br, zstd\r
        Referer: https://console.example/orders?page=1\r
        Connection: keep-alive\r
        Cookie: session=5f2b9c1e7a4d4f0c8b6e3d2a1f0e9d8c; theme=dark; consent=all\r
        Upgrade-Insecure-Requests: 1\r
        Sec-Fetch-Dest: document\r
        Sec-Fetch-Mode: navigate\r
        Sec-Fetch-Site: same-origin\r
        Priority: u=0, i\r
        \r

        """

    fileprivate static let answer = """
        HTTP/1.1 200 OK\r
        Server: nginx/1.22.1\r
        Date: Tue, 24 Nov 2026 00:00:00 GMT\r
        Content-Type: application/json\r
        Content-Length: 200\r
        Last-Modified: Mon, 23 Nov 2026 08:12:31 GMT\r
        Connection: keep-alive\r
        ETag: "65a7b0f3-c8"\r
        Accept-Ranges: bytes\r
        \r

        """
}
