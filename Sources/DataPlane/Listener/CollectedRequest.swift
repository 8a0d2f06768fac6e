import GatewayCore
import NIOCore

/// A request that the gateway answers itself, and its short body as it comes.
final class CollectedRequest {
    let head: RequestHead
    let id: RequestID
    let endpoint: OwnEndpoint
    private(set) var body: [UInt8] = []
    /// Whether the body is longer than is read.
    private(set) var isTooLong = false

    init(head: consuming RequestHead, id: RequestID, endpoint: OwnEndpoint) {
        self.head = head
        self.id = id
        self.endpoint = endpoint
    }

    /// Whether the method is one that the endpoint answers.
    var hasAnsweredMethod: Bool {
        switch endpoint {
        case .token: head.knownMethod == .post
        case .keySet, .metadata: head.knownMethod == .get || head.knownMethod == .head
        }
    }

    /// Whether the answer depends on the body; not on one whose length says that it is too long.
    func readsBody(of announcedLength: Int64?) -> Bool {
        guard endpoint == .token else { return false }
        isTooLong = announcedLength.map { $0 > Int64(TokenRequest.maximumBodyBytes) } ?? false
        return !isTooLong
    }

    /// Keeps a part of the body; false when that makes it too long.
    func take(_ part: ByteBuffer) -> Bool {
        isTooLong = body.count + part.readableBytes > TokenRequest.maximumBodyBytes
        if !isTooLong { body.append(contentsOf: part.readableBytesView) }
        return !isTooLong
    }
}

extension OwnEndpoint {
    /// The endpoint whose path a request names, exactly as it is written.
    @inline(__always)
    static func named(by head: RequestHead) -> OwnEndpoint? {
        // Most paths differ in the second byte.
        let mayBe = head.bytes(head.path) { path in
            path.count > 1 && (path[1] == UInt8(ascii: "o") || path[1] == UInt8(ascii: "."))
        }
        return mayBe ? exactly(head) : nil
    }

    @inline(never)
    private static func exactly(_ head: RequestHead) -> OwnEndpoint? {
        allCases.first { endpoint in
            head.bytes(head.path) { path in
                path.withUnsafeBufferPointer { $0.elementsEqual(endpoint.rawValue.utf8) }
            }
        }
    }
}
