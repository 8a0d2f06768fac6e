import GatewayCore

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
    /// - Returns: false, with nothing written, when the path cannot be, which the route table's rules exclude.
    static func writeHead(
        of request: RequestHead,
        _ admitted: Admitted,
        to destination: Destination,
        id: RequestID,
        forwarded: [UInt8],
        into buffer: inout OutputBuffer
    ) -> Bool {
        let isWritten = HeadWriter.writeRequestLine(of: request, query: request.query, into: &buffer) {
            writePath(of: request, admitted, to: destination, into: &$0)
        }
        guard isWritten else { return false }
        buffer.append(destination.pool.hostLine)
        let forwardsCredential = admitted.route.endpoint.forwardsCredential
        let kinds = (forwardsCredential ? dropped : dropped.union(credentials))
            .union(TraceContext.dropped(from: request))
        if let fields = admitted.route.callerFields {
            HeadWriter.writeFields(of: request, dropping: kinds, and: fields.names, into: &buffer)
        } else {
            HeadWriter.writeFields(of: request, dropping: kinds, into: &buffer)
        }
        id.withDigits { _ = HeadWriter.writeField("X-Request-Id", $0, into: &buffer) }
        buffer.append(forwarded)
        buffer.append(admitted.identityHeaders)
        HeadWriter.writeFraming(request.framing, into: &buffer)
        HeadWriter.endHead(into: &buffer)
        return true
    }

    private static func writePath(
        of request: RequestHead,
        _ admitted: Admitted,
        to destination: Destination,
        into buffer: inout OutputBuffer
    ) {
        buffer.append(destination.pathPrefix)
        for part in admitted.route.upstreamPath {
            switch part {
            case .bytes(let bytes): buffer.append(bytes)
            case .parameter(let index):
                let range = admitted.parameters[index]
                if let normal = admitted.normalPath {
                    buffer.append(normal.span.extracting(range))
                } else {
                    let start = request.path.offset
                    let written = ByteRange(
                        offset: start + range.lowerBound,
                        end: start + range.upperBound
                    )
                    request.bytes(written) { buffer.append($0) }
                }
            }
        }
    }
}
