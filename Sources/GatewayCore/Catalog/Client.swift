/// An organisation, department or app that consumes APIs.
package struct Client: Sendable, Hashable {
    /// The identity, given once.
    package let id: ClientID
    /// The name, unique among clients; 1 to 200 characters.
    package var name: String
    /// What the client is, for people; at most 2,000 characters.
    package var description = ""
    /// Whom to write to; empty when nobody was named.
    package var contactEmail = ""
    /// Whether calls of this client are let in; `true` unless said otherwise.
    package var isActive = true

    /// Makes an active client with a name.
    package init(id: ClientID, name: String) {
        self.id = id
        self.name = name
    }
}
