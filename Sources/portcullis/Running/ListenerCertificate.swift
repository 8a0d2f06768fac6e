import DataPlane
import GatewayCore
import Logging

/// The certificate of the gateway's listener while it runs: read again when its files change, and watched for its
/// end.
struct ListenerCertificate: Sendable {
    /// What the data plane begins connections with.
    let source: TLSContextSource
    private let watching: Task<Void, Never>

    private static let pace = Duration.seconds(1)
    private static let day: Int64 = 86_400

    /// Reads the files.
    ///
    /// - Throws: ``CommandFailure`` that names the file and the reason.
    static func start(_ options: TLSOptions, _ logger: Logger) throws -> ListenerCertificate {
        let source: TLSContextSource
        do {
            source = try TLSContextSource(
                chain: options.certificate,
                key: options.key,
                alwaysAsks: options.clientCertificates == .always
            )
        } catch {
            throw CommandFailure.trouble("--tls-certificate and --tls-key: \(error)")
        }
        let stamp = source.stamp
        return ListenerCertificate(source: source, watching: Task { await watch(source, stamp, logger) })
    }

    /// Watches no more.
    func stop() {
        watching.cancel()
    }

    private static func watch(_ source: TLSContextSource, _ first: [Int64], _ logger: Logger) async {
        var stamp = first
        // The two files are rarely replaced in the same moment: a pair that does not fit is tried again.
        var isToBeRead = false
        var fault = ""
        var warnedAt: Timestamp?
        while true {
            let now = Timestamp.systemNow
            if warnedAt.map({ now.secondsSinceEpoch - $0.secondsSinceEpoch >= day }) ?? true {
                warnedAt = now
                warn(source, now, logger)
            }
            do { try await Task.sleep(for: pace) } catch { return }
            let found = source.stamp
            if found != stamp { (stamp, isToBeRead, fault) = (found, true, "") }
            guard isToBeRead else { continue }
            do throws(TLSFault) {
                try source.reload()
                isToBeRead = false
                warnedAt = nil
                logger.notice(
                    "certificate read again",
                    metadata: ["subject": "\(source.certificate?.subject ?? "")"]
                )
            } catch {
                if fault != error.description {
                    fault = error.description
                    logger.error("certificate refused, the old one stays", metadata: ["reason": "\(error)"])
                }
            }
        }
    }

    private static func warn(_ source: TLSContextSource, _ now: Timestamp, _ logger: Logger) {
        guard let certificate = source.certificate else { return }
        let left = certificate.notAfter.secondsSinceEpoch - now.secondsSinceEpoch
        guard left < CertificateNotice.soonSeconds else { return }
        logger.warning(
            left > 0 ? "the listener's certificate expires soon" : "the listener's certificate has expired",
            metadata: ["subject": "\(certificate.subject)", "not_after": "\(certificate.notAfter)"]
        )
    }
}
