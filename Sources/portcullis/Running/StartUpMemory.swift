import CLinux
import Glibc

/// What starting took and serving does not need.
enum StartUpMemory {
    /// Gives it back to the system: heap that is free again, and code that ran once.
    ///
    /// Reading a catalog makes many times its size in short-lived objects, which the C library would keep; and
    /// the code of start-up stays mapped although it is in the page cache anyway. The kernel maps again what
    /// is used.
    static func release() {
        linux_trim_heap()
        for line in maps() {
            // `address-address r-xp offset device inode path`; what has no file is not to be touched.
            let fields = line.split(separator: " ", maxSplits: 5, omittingEmptySubsequences: true)
            guard fields.count == 6, fields[1] == "r-xp", fields[5].drop(while: { $0 == " " }).hasPrefix("/")
            else { continue }
            let ends = fields[0].split(separator: "-")
            guard ends.count == 2, let start = UInt(ends[0], radix: 16), let end = UInt(ends[1], radix: 16),
                start < end
            else { continue }
            // Unwritten pages of a file: nothing is lost. What fails costs only memory.
            madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED)
        }
    }

    private static func maps() -> [Substring] {
        guard let file = fopen("/proc/self/maps", "r") else { return [] }
        defer { fclose(file) }
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 65_536)
        while case let count = fread(&part, 1, part.count, file), count > 0 { text += part[..<count] }
        return String(decoding: text, as: UTF8.self).split(separator: "\n")
    }
}
