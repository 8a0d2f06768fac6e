import GatewayCore
import NIOCore

/// Writes what the upstream gets: the request as sent, less what is not its business, plus who calls.
enum UpstreamRequest {
    /// What is never passed on: the caller's word on what the gateway alone says, and the names that some
    /// servers would take for those.
    private static let dropped = KnownHeaderSet(
        .host,
        .expect,
        .forwarded,
        .xForwardedFor,
        .xForwardedProto,
        .xForwardedHost,
        .xForwardedPort,
        .xRequestID
    ).union(.identity)

    private static let credentials = KnownHeaderSet(.authorization, .apiToken)

    /// Writes the head.
    ///
    /// - Returns: `nil` when the path cannot be written, which the route table's rules exclude.
    static func head(
        of request: RequestHead,
        _ admitted: Admitted,
        to target: UpstreamTarget,
        id: RequestID,
        from address: IPAddress,
        allocator: ByteBufferAllocator
    ) -> ByteBuffer? {
        var buffer = allocator.buffer(
            capacity: request.bytes.readableBytes + admitted.identityHeaders.count + 512
        )
        let path = path(of: request, admitted, to: target)
        guard
            HeadWriter.writeRequestLine(of: request, path: path.span, query: request.query, into: &buffer)
        else { return nil }
        HeadWriter.writeField("Host", target.authority, into: &buffer)
        let forwardsCredential = admitted.route.endpoint.forwardsCredential
        HeadWriter.writeFields(
            of: request,
            dropping: forwardsCredential ? dropped : dropped.union(credentials),
            into: &buffer
        )
        id.withDigits { _ = HeadWriter.writeField("X-Request-Id", $0, into: &buffer) }
        writeForwarded(request, address, into: &buffer)
        buffer.writeBytes(admitted.identityHeaders)
        HeadWriter.writeFraming(request.framing, into: &buffer)
        HeadWriter.endHead(into: &buffer)
        return buffer
    }

    /// Writes the fields of RFC 7239, and the older ones that upstreams know better.
    ///
    /// What the caller sent of them is not passed
    /// on, since nothing says that the caller is a proxy to be believed.
    private static func writeForwarded(
        _ request: RequestHead,
        _ address: IPAddress,
        into buffer: inout ByteBuffer
    ) {
        let text = address.description
        HeadWriter.writeField("X-Forwarded-For", text, into: &buffer)
        HeadWriter.writeField("X-Forwarded-Proto", "http", into: &buffer)
        let node = address.isV4 ? text : "\"[\(text)]\""
        guard let host = request.host else {
            HeadWriter.writeField("Forwarded", "for=\(node);proto=http", into: &buffer)
            return
        }
        let hostText = request.string(host)
        HeadWriter.writeField("X-Forwarded-Host", hostText, into: &buffer)
        HeadWriter.writeField("Forwarded", "for=\(node);host=\"\(hostText)\";proto=http", into: &buffer)
    }

    private static func path(
        of request: RequestHead,
        _ admitted: Admitted,
        to target: UpstreamTarget
    ) -> [UInt8] {
        var path = Array(target.pathPrefix.utf8)
        request.bytes(request.path) { written in
            for part in admitted.route.upstreamPath {
                switch part {
                case .bytes(let bytes):
                    path += bytes
                case .parameter(let index):
                    let range = admitted.parameters[index]
                    if let normal = admitted.normalPath {
                        path += normal[range]
                    } else {
                        for position in range { path.append(written[position]) }
                    }
                }
            }
        }
        return path
    }
}
