extension Catalog {
    /// The whole catalog as a document, in an order that follows from the names alone.
    package func document(form: DocumentForm) -> DocumentNode {
        var writer = DocumentWriter(.resource)
        writer.add("settings", settings.document(form: form).value)
        writer.add(
            "upstreams",
            .array(upstreams.values.sorted { $0.name < $1.name }.map { $0.document(form: form) })
        )
        let collections = collections.values.sorted { $0.handle < $1.handle }
        writer.add("collections", .array(collections.map { $0.document(in: self, form: form) }))
        let clients = clients.values.sorted { $0.name < $1.name }
        writer.add("clients", .array(clients.map { document(of: $0, form: form) }))
        return writer.node
    }

    private func document(of client: Client, form: DocumentForm) -> DocumentNode {
        guard case .object(var members) = client.document(form: form).value else {
            return client.document(form: form)
        }
        let profiles = profiles(of: client.id).map { $0.document(in: self, form: form) }
        members.append(DocumentMember("profiles", DocumentNode(.array(profiles))))
        return DocumentNode(.object(members))
    }
}
