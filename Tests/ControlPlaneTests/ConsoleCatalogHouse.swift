import GatewayCore
import Testing

@testable import ControlPlane

/// A console with one of everything in its catalog.
struct ConsoleCatalogHouse {
    let house: ConsoleHouse
    let furniture: Furniture

    init(_ house: ConsoleHouse = ConsoleHouse()) async throws {
        self.house = house
        furniture = try await house.admin.furnish()
    }

    /// The last part of an API path: the identity.
    static func id(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

    var client: String { "/console/clients/\(Self.id(furniture.client))" }
    var profile: String { "/console/profiles/\(Self.id(furniture.profile))" }
    var key: String { "\(profile)/keys/\(Self.id(furniture.key))" }
    var token: String { "\(profile)/api-tokens/\(Self.id(furniture.token))" }
    var collection: String { "/console/collections/\(Self.id(furniture.collection))" }
    var endpoint: String { "\(collection)/endpoints/\(Self.id(furniture.endpoint))" }
    var upstream: String { "/console/upstreams/\(Self.id(furniture.upstream))" }

    /// Every page that is shown, with the identities of what there is, and with queries that lead to forms.
    func pages() -> [String] {
        let ids = [
            "{key_id}": Self.id(furniture.key), "{token_id}": Self.id(furniture.token),
            "{endpoint_id}": Self.id(furniture.endpoint),
        ]
        let owners = [
            "/clients": furniture.client, "/profiles": furniture.profile,
            "/collections": furniture.collection,
            "/upstreams": furniture.upstream,
        ]
        return house.console.routes.filter { $0.method == .get }.map { route in
            var path = route.path
            for (name, id) in ids { path = path.replacing(name, with: id) }
            for (start, owner) in owners where path.hasPrefix(start) {
                path = path.replacing("{id}", with: Self.id(owner))
            }
            return Console.root + path
        } + ProfileMethod.all.map { "\(client)/profiles/new?method=\($0.value)" }
    }

    /// The entity of the API as it is now.
    func read(_ path: String) async throws -> DocumentNode { try await house.admin.call("GET", path).json }

    /// The entity tag that a form's page carries.
    func tag(_ page: String) async throws -> String {
        let text = await house.show(page).text
        let match = try #require(text.firstMatch(of: /name="_tag" value="([^"]*)"/), "\(page)")
        return String(match.output.1).replacing("&quot;", with: "\"")
    }
}

extension AdminAnswer {
    /// Whether it leads on to a page.
    func leads(to path: String) -> Bool { status == 303 && header("Location") == path }
}
