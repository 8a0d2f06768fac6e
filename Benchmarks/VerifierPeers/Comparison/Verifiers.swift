import Foundation
import JOSE
import Measuring
import PeerLibraries

/// The program: lets every verifier prove itself, then times them side by side.
@main
struct Verifiers {
    private static let usage = """
        usage: verifiers [--json] [--rounds N] [--algorithm NAME]…

        A whole token in, verified claims and exp out, one thread, by turns: CPU time per token, tokens per
        second, heap allocations per token, and how many times the time of Portcullis each one takes.

          --json             the same as JSON
          --rounds N         turns for each verifier (default 21)
          --algorithm NAME   only HS256, RS256, ES256 or EdDSA; may be given several times
          --help             this text
        """

    private var isJSON = false
    private var rounds = 21
    private var algorithms: [SignatureAlgorithm] = []

    private struct Misuse: Error {
        let reason: String
    }

    static func main() {
        do {
            guard let verifiers = try Verifiers(CommandLine.arguments.dropFirst()) else {
                return print(usage)
            }
            try verifiers.run()
        } catch let misuse as Misuse {
            end("\(misuse.reason)\n\n\(usage)", 2)
        } catch {
            end("error: \(error)", 1)
        }
    }

    private static func end(_ text: String, _ status: Int32) -> Never {
        note(text)
        exit(status)
    }

    /// Tells people, and leaves standard output to the results.
    private static func note(_ text: String) {
        FileHandle.standardError.write(Data((text + "\n").utf8))
    }

    /// Reads the command line; `nil` when only help was asked for.
    private init?(_ arguments: some Sequence<String>) throws(Misuse) {
        var rest = Array(arguments)[...]
        while let option = rest.popFirst() {
            switch option {
            case "--help", "-h": return nil
            case "--json": isJSON = true
            case "--rounds":
                guard let count = rest.popFirst().flatMap({ Int($0) }), count > 0 else {
                    throw Misuse(reason: "--rounds lacks its number, expected 1 or more")
                }
                rounds = count
            case "--algorithm":
                guard let name = rest.popFirst(), let algorithm = SignatureAlgorithm(rawValue: name),
                    Self.compared.contains(algorithm)
                else { throw Misuse(reason: "--algorithm lacks its name, expected \(Self.compared)") }
                algorithms.append(algorithm)
            default: throw Misuse(reason: "unknown option: \(option)")
            }
        }
        if algorithms.isEmpty { algorithms = Self.compared }
    }

    private static let compared = [SignatureAlgorithm.hs256, .rs256, .es256, .edDSA]

    private func run() throws {
        Self.note(
            "\(String(cString: peer_openssl_version())); cjose \(String(cString: peer_cjose_version()))"
        )
        try Turns.checkCounter()
        var prepared: [PreparedBenchmark] = []
        for algorithm in algorithms {
            let subject = try Subject(algorithm)
            for peer in Peer.all {
                guard let benchmark = try benchmark(peer, subject) else {
                    Self.note("\(peer.name) does not do \(algorithm)")
                    continue
                }
                prepared.append(try PreparedBenchmark(benchmark))
            }
        }
        let report = Report(try Turns(rounds: rounds).everything(of: prepared), against: "portcullis")
        print(isJSON ? try report.json() : report.table())
    }

    /// A peer over one algorithm, once it has shown that it turns away what it must.
    private func benchmark(_ peer: Peer, _ subject: Subject) throws -> Benchmark? {
        guard let verifier = try peer.prepare(subject) else { return nil }
        try expect(
            0,
            of: verifier(subject.spoilt, nil)(subject.spoilt.count),
            peer,
            subject,
            "with a wrong signature"
        )
        if peer.readsTokens {
            try expect(
                0,
                of: verifier(subject.expired, nil)(subject.expired.count),
                peer,
                subject,
                "that have expired"
            )
        }
        let count = subject.tokens.count
        try expect(count, of: verifier(subject.tokens, Subject.expiry)(count), peer, subject, "that are good")
        return Benchmark(
            name: "\(subject.algorithm)/\(peer.name)",
            summary: peer.summary,
            reference: "\(subject.algorithm)/portcullis",
            period: count
        ) {
            // Prepared anew: what was made for another thread's sake cannot be passed on.
            guard let verifier = try peer.prepare(subject) else {
                throw BenchmarkFailure("\(peer.name) cannot be prepared twice")
            }
            return verifier(subject.tokens, Subject.expiry)
        }
    }

    private func expect(
        _ expected: Int,
        of found: Int,
        _ peer: Peer,
        _ subject: Subject,
        _ kind: String
    ) throws {
        guard found == expected else {
            throw BenchmarkFailure(
                "\(peer.name) verified \(found) \(subject.algorithm) tokens \(kind), expected \(expected)"
            )
        }
    }
}
