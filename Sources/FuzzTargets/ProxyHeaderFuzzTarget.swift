import DataPlane

/// The header of the PROXY protocol.
enum ProxyHeaderFuzzTarget {
    /// What is read stays the same whatever follows it, and whatever is cut off is either incomplete or wrong.
    static func header(_ bytes: [UInt8]) {
        let whole = ProxyHeader.read(bytes.span)
        switch whole {
        case .source(_, let length), .peer(let length), .unknown(let length):
            precondition((1...bytes.count).contains(length))
            precondition(ProxyHeader.read((bytes + Array("GET / HTTP/1.1".utf8)).span) == whole)
            precondition(ProxyHeader.read(bytes.span.extracting(first: length)) == whole)
            for cut in 0..<length {
                precondition(ProxyHeader.read(bytes.span.extracting(first: cut)) == .incomplete)
            }
        case .incomplete: precondition(bytes.count < 552)
        case .malformed: break
        }
    }
}
