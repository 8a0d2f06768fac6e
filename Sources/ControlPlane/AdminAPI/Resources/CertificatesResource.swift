import GatewayCore

/// `/api/v1/certificates`: what rests on a certificate that expires one day.
struct CertificatesResource {
    let catalog: CatalogAccess
    let certificates: @Sendable (Catalog) -> [CertificateNotice]

    /// The operations.
    var operations: [Operation] {
        [
            Operation(
                method: .get,
                path: "/api/v1/certificates",
                name: "listCertificates",
                summary:
                    "Lists the listener's certificate and the roots of client certificates, and which expire soon.",
                tag: "Certificates",
                query: [
                    Operation.Parameter(
                        name: "only_expiring",
                        shape: .boolean,
                        summary: "Only those that expire within 14 days, or have.",
                        fallback: .bool(false)
                    )
                ] + Paging.parameters,
                successes: [
                    Operation.Success(status: 200, summary: "One page.", object: Paging.shape(of: Self.item))
                ],
                perform: { call in
                    let current = catalog.current
                    let isFiltered = call.isOn("only_expiring")
                    let all = certificates(current).filter { !isFiltered || expiresSoon($0, call.now) }
                    let page = Page(of: Self.numbered(all), call) { ($0.name, $0.id) }
                    return AdminAnswer(200, page.document { document($0.notice, current, call.now) })
                }
            )
        ]
    }

    /// Each with the place that it has in the list.
    ///
    /// Certificates have no identity here, and a renewed root may be like the old one in all that is shown: those
    /// that are alike are numbered, or a page that ends between them would leave the others out.
    private static func numbered(
        _ notices: [CertificateNotice]
    ) -> [(notice: CertificateNotice, name: String, id: String)] {
        var counts: [String: Int] = [:]
        return notices.map { notice in
            let name = "\(notice.use) \(notice.subject)"
            let id = "\(notice.profile?.text ?? "") \(notice.notAfter)"
            let number = counts["\(name)\0\(id)", default: 0]
            counts["\(name)\0\(id)"] = number + 1
            return (notice, name, "\(id) \(number)")
        }
    }

    private func expiresSoon(_ notice: CertificateNotice, _ now: Timestamp) -> Bool {
        notice.notAfter.secondsSinceEpoch - now.secondsSinceEpoch < CertificateNotice.soonSeconds
    }

    private func document(_ notice: CertificateNotice, _ catalog: Catalog, _ now: Timestamp) -> DocumentNode {
        let left = notice.notAfter.secondsSinceEpoch - now.secondsSinceEpoch
        return DocumentNode(
            object: [
                ("use", .string(notice.use)),
                ("profile_id", notice.profile.map { .string($0.text) } ?? .null),
                (
                    "profile",
                    notice.profile.flatMap { catalog.profiles[$0]?.name }.map { .string($0) } ?? .null
                ),
                ("subject", .string(notice.subject)),
                ("san", .array(notice.alternativeNames.map { DocumentNode(.string($0)) })),
                ("not_after", .string(notice.notAfter.description)),
                ("days_left", .integer(max(0, left / 86_400))),
                ("expires_soon", .bool(expiresSoon(notice, now))),
            ]
        )
    }

    private static let item = ObjectShape(
        name: "Certificate",
        summary: "A certificate that something rests on.",
        fields: [
            ObjectShape.Field(
                "use",
                .choice(["listener", "profile"]),
                "What rests on it: the gateway's listener, or a profile's client certificates."
            ),
            ObjectShape.Field("profile_id", .optional(.text(.identity)), "The profile that it is a root of."),
            ObjectShape.Field("profile", .optional(.text(.any(1...200))), "The name of that profile."),
            ObjectShape.Field("subject", .text(.any(0...4096)), "The subject (RFC 2253)."),
            ObjectShape.Field(
                "san",
                .list(.text(.any(1...65_536)), count: 0...1000, isUnique: false),
                "The alternative names."
            ),
            ObjectShape.Field("not_after", .text(.time), "When it expires."),
            ObjectShape.Field("days_left", .natural, "How many whole days are left; 0 when it has expired."),
            ObjectShape.Field("expires_soon", .boolean, "Whether it expires within 14 days, or has."),
        ]
    )
}
