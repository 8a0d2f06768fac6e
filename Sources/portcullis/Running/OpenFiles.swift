import Foundation

/// The limit of open files: each connection needs one.
enum OpenFiles {
    /// Raises the soft limit to the hard one; gives the limit that holds now.
    @discardableResult
    static func raiseLimit() -> UInt {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 0 }
        var wanted = limit
        wanted.rlim_cur = limit.rlim_max
        // Where the system does not allow it, the old limit holds; that is what is told.
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &wanted) == 0 { limit = wanted }
        return UInt(limit.rlim_cur)
    }
}
