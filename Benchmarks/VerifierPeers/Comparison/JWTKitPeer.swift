import FoundationEssentials
import JOSE
import JWTKit
import Measuring
import Synchronization

/// jwt-kit, whose verification is asynchronous: it runs on this thread alone, so that it is neither slowed down
/// by changing threads nor spared from the count.
enum JWTKitPeer {
    private struct Claims: JWTPayload {
        let sub: SubjectClaim
        let name: String
        let iat: IssuedAtClaim
        let exp: ExpirationClaim
        let jti: IDClaim

        func verify(using algorithm: some JWTAlgorithm) async throws {
            try exp.verifyNotExpired(currentDate: .init(timeIntervalSince1970: Double(Subject.now)))
        }
    }

    static func prepare(_ subject: Subject) throws -> Peer.Verifier? {
        let keys = JWTKeyCollection()
        let pem = subject.key.verificationKey.subjectPublicKeyInfoPEM ?? ""
        let secret = subject.key.secret?.reveal() ?? []
        let algorithm = subject.algorithm
        let executor = OneThreadExecutor()
        try executor.wait {
            switch algorithm {
            case .hs256: await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
            case .rs256: await keys.add(rsa: try Insecure.RSA.PublicKey(pem: pem), digestAlgorithm: .sha256)
            case .es256: await keys.add(ecdsa: try ES256PublicKey(pem: pem))
            case .edDSA: await keys.add(eddsa: try EdDSA.PublicKey(pem: pem))
            default: throw BenchmarkFailure("jwt-kit is not compared for \(algorithm)")
            }
        }
        return { tokens, expiry in
            { count in
                let good = try? executor.wait {
                    var good = 0
                    for index in 0..<count {
                        // A refusal is no good one; which it is does not matter here.
                        guard
                            let claims = try? await keys.verify(tokens[index % tokens.count], as: Claims.self)
                        else { continue }
                        let found = Int64(claims.exp.value.timeIntervalSince1970)
                        if expiry == nil || found == expiry { good += 1 }
                    }
                    return good
                }
                return good ?? 0
            }
        }
    }
}

/// Runs everything asynchronous on the thread that waits for it.
private final class OneThreadExecutor: TaskExecutor {
    private let jobs = Mutex<[UnownedJob]>([])

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        jobs.withLock { $0.append(job) }
    }

    @discardableResult
    func wait<Value: Sendable>(for work: @escaping @Sendable () async throws -> Value) throws -> Value {
        let outcome = Outcome<Value>()
        Task(executorPreference: self) {
            do {
                let value = try await work()
                outcome.result.withLock { $0 = .success(value) }
            } catch {
                outcome.result.withLock { $0 = .failure(error) }
            }
        }
        while true {
            if let result = outcome.result.withLock({ $0 }) { return try result.get() }
            let job = jobs.withLock { $0.isEmpty ? nil : $0.removeFirst() }
            job?.runSynchronously(on: asUnownedTaskExecutor())
        }
    }

    private final class Outcome<Value: Sendable>: Sendable {
        let result = Mutex<Result<Value, any Error>?>(nil)
    }
}
