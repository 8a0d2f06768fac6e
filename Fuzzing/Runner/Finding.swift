import FuzzTargets
import Glibc

/// Keeps the input that ends the process: it is written to a file by the handler of the signal that a trap is.
enum Finding {
    // Safe because the program has one thread, and the handler runs on it and never returns.
    nonisolated(unsafe) private static var input: UnsafeRawBufferPointer?
    nonisolated(unsafe) private static var path: UnsafeMutablePointer<CChar>?
    nonisolated(unsafe) private static var message: UnsafeMutablePointer<CChar>?

    /// How long one input may take, in seconds.
    private static let timeLimit: UInt32 = 20

    /// Catches what a trap, a broken invariant, an overflowing stack or an endless loop ends in.
    static func watch(writingTo file: String) {
        path = strdup(file)
        message = strdup("fuzz: the parser stopped the process; the input is in \(file)\n")
        // The stack that overflowed cannot be the handler's.
        let size = 1 << 16
        var stack = stack_t()
        stack.ss_sp = .allocate(byteCount: size, alignment: 16)
        stack.ss_size = size
        sigaltstack(&stack, nil)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGALRM, SIGFPE] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in Finding.keep(number) }
            action.sa_flags = SA_ONSTACK | Int32(bitPattern: UInt32(SA_RESETHAND))
            sigaction(number, &action, nil)
        }
    }

    /// Runs `body` over an input.
    static func during(_ target: FuzzTarget, _ bytes: [UInt8], _ body: () -> Void) {
        bytes.withUnsafeBytes { bytes in
            input = bytes
            alarm(timeLimit)
            body()
            alarm(0)
            input = nil
        }
    }

    // Only what may be called in a signal handler: open, write, close, raise.
    private static func keep(_ number: Int32) {
        if let input, let path {
            let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
            if file >= 0 {
                _ = write(file, input.baseAddress, input.count)
                close(file)
            }
            if let message { _ = write(STDERR_FILENO, message, strlen(message)) }
        }
        raise(number)
    }
}
