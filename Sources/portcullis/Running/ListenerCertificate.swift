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
    static func start(
        _ options: TLSOptions,
        _ snapshots: SnapshotSource,
        _ logger: Logger
    ) throws -> ListenerCertificate {
        let source: TLSContextSource
        // Before they are read: what replaces them meanwhile is then another stamp.
        let stamp = TLSContextSource.stamp(options.certificate, options.key)
        do {
            source = try TLSContextSource(
                chain: options.certificate,
                key: options.key,
                alwaysAsks: options.clientCertificates == .always
            )
        } catch {
            throw CommandFailure.trouble("--tls-certificate and --tls-key: \(error)")
        }
        return ListenerCertificate(
            source: source,
            watching: Task { await watch(source, stamp, snapshots, logger) }
        )
    }

    /// Watches no more.
    func stop() {
        watching.cancel()
    }

    private static func watch(
        _ source: TLSContextSource,
        _ first: [Int64],
        _ snapshots: SnapshotSource,
        _ logger: Logger
    ) async {
        var stamp = first
        // The two files are rarely replaced in the same moment: a pair that does not fit is tried again.
        var isToBeRead = false
        var fault = ""
        var warnedAt: Timestamp?
        while true {
            let now = Timestamp.systemNow
            if warnedAt.map({ now.secondsSinceEpoch - $0.secondsSinceEpoch >= day }) ?? true {
                warnedAt = now
                warn(source, snapshots.current.catalog, now, logger)
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

    private static func warn(
        _ source: TLSContextSource,
        _ catalog: Catalog,
        _ now: Timestamp,
        _ logger: Logger
    ) {
        func warn(_ certificate: CertificateSummary, _ what: String, _ profile: String) {
            let left = certificate.notAfter.secondsSinceEpoch - now.secondsSinceEpoch
            guard left < CertificateNotice.soonSeconds else { return }
            logger.warning(
                left > 0 ? "\(what) expires soon" : "\(what) has expired",
                metadata: [
                    "subject": "\(certificate.subject)", "not_after": "\(certificate.notAfter)",
                    "profile": "\(profile)",
                ]
            )
        }
        if let certificate = source.certificate { warn(certificate, "the listener's certificate", "-") }
        for profile in catalog.profiles.values {
            guard let rules = profile.clientCertificate else { continue }
            for root in CertificateSummary.all(in: rules.roots) {
                warn(root, "a root of client certificates", profile.name)
            }
        }
    }
}
