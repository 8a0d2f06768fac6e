/// How much of a message head is accepted before it is refused.
///
/// The defaults are the product's documented limits; all sizes are in bytes.
package struct HTTPLimits: Sendable, Hashable {
    /// The longest header field line, without its line end; default 16 KiB.
    package var maximumField: Int

    /// The longest head: start line, every field and the line ends; default 64 KiB.
    package var maximumHead: Int

    /// The longest request target; default 64 KiB, which ``maximumHead`` bounds as well.
    package var maximumTarget: Int

    /// The most header fields; default 256.
    package var maximumFieldCount: Int

    /// The most bytes of chunk extensions in one body, and of trailer fields in one body; default 16 KiB each.
    package var maximumChunkOverhead: Int

    /// Makes limits; a head longer than 1 GiB is never accepted, whatever is asked for.
    package init(
        maximumField: Int = 16 * 1024,
        maximumHead: Int = 64 * 1024,
        maximumTarget: Int = 64 * 1024,
        maximumFieldCount: Int = 256,
        maximumChunkOverhead: Int = 16 * 1024
    ) {
        let ceiling = 1 << 30
        self.maximumField = min(max(0, maximumField), ceiling)
        self.maximumHead = min(max(0, maximumHead), ceiling)
        self.maximumTarget = min(max(0, maximumTarget), ceiling)
        self.maximumFieldCount = min(max(0, maximumFieldCount), ceiling)
        self.maximumChunkOverhead = min(max(0, maximumChunkOverhead), ceiling)
    }
}
