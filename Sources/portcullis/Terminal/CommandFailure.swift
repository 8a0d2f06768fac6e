/// Why a command ends without having done what it was asked.
struct CommandFailure: Error, CustomStringConvertible {
    /// Which exit code the program ends with.
    enum Kind: Int32 {
        /// The answer is no: a token, a key or a call was refused.
        case refused = 1
        /// The question could not be answered: wrong options, a file that is missing, a gateway out of reach.
        case trouble = 2
    }

    /// What sort of failure it is.
    let kind: Kind
    /// What was expected, what was found and what to do next; lower case, no full stop, never a secret.
    let description: String

    /// The answer is no.
    static func refused(_ reason: String) -> CommandFailure {
        CommandFailure(kind: .refused, description: reason)
    }

    /// The question could not be answered.
    static func trouble(_ reason: String) -> CommandFailure {
        CommandFailure(kind: .trouble, description: reason)
    }

    /// The word before the reason on standard error.
    var label: String {
        switch kind {
        case .refused: "refused"
        case .trouble: "error"
        }
    }
}
