/// Bounds on a compact token; exceeding one is an error, never a truncation.
public struct TokenLimits: Hashable, Sendable {
    /// The largest token, in bytes as sent.
    public var maximumTokenBytes: Int
    /// The largest header, in bytes after decoding.
    public var maximumHeaderBytes: Int
    /// The largest payload, in bytes after decoding.
    public var maximumPayloadBytes: Int
    /// How deep arrays and objects may nest in the header and in claims.
    public var maximumDepth: Int

    /// Makes limits; the defaults suit bearer tokens: 32 KiB, 4,096, 10,240 bytes, 16 levels.
    public init(
        maximumTokenBytes: Int = 32_768,
        maximumHeaderBytes: Int = 4_096,
        maximumPayloadBytes: Int = 10_240,
        maximumDepth: Int = 16
    ) {
        self.maximumTokenBytes = maximumTokenBytes
        self.maximumHeaderBytes = maximumHeaderBytes
        self.maximumPayloadBytes = maximumPayloadBytes
        self.maximumDepth = maximumDepth
    }

    /// Limits for bearer tokens.
    public static let `default` = TokenLimits()

    /// Limits for signed documents of any kind: 32 MiB of token, 16 MiB of payload, 64 KiB of header.
    public static let document = TokenLimits(
        maximumTokenBytes: 33_554_432,
        maximumHeaderBytes: 65_536,
        maximumPayloadBytes: 16_777_216
    )
}
