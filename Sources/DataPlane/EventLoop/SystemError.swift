import Glibc

/// What the system said no to.
struct SystemError: Error, CustomStringConvertible {
    /// The system call.
    let call: String
    /// Its `errno`.
    let code: Int32

    /// The system's own words: `bind: Address already in use (errno: 98)`.
    var description: String { "\(call): \(String(cString: strerror(code))) (errno: \(code))" }

    /// Gives a system call's result, or throws what it said.
    @discardableResult
    static func check(_ call: String, _ result: Int32) throws -> Int32 {
        guard result < 0 else { return result }
        throw SystemError(call: call, code: errno)
    }
}
