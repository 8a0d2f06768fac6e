/// One header field as two ranges of the head's bytes.
package struct HeaderField: Sendable, Hashable {
    /// The field name as written.
    package let name: ByteRange

    /// The field value without the white space around it.
    package let value: ByteRange

    /// What the name means to the gateway.
    package let kind: KnownHeader

    /// True when the message's `Connection` field names this one, so that no proxy passes it on.
    ///
    /// The framing and hop-by-hop fields need no such mark: they never pass.
    package internal(set) var isConnectionOption = false

    init(name: ByteRange, value: ByteRange, kind: KnownHeader) {
        self.name = name
        self.value = value
        self.kind = kind
    }
}
