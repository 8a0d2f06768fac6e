import GatewayCore

/// One page of a list in the order of names.
struct Page<Entity> {
    /// The entities of the page.
    let items: [Entity]
    private let total: Int
    private let next: String?

    /// Takes the page of a list that the call asks for.
    ///
    /// - Parameters:
    ///   - entities: the whole list.
    ///   - call: names how many, and after which place.
    ///   - order: the name and the identity, which the list is ordered by.
    init(of entities: [Entity], _ call: Call, order: (Entity) -> (name: String, id: String)) {
        let limit = Int(call.integer("limit") ?? 50)
        // Names may change between two pages: the place is a value, not a count.
        let start = call.text("cursor").flatMap { Hex.decode($0.utf8) } ?? []
        var places = entities.indices.map { index in
            let (name, id) = order(entities[index])
            return (place: Array(name.utf8) + [0] + Array(id.utf8), index: index)
        }
        total = entities.count
        places.removeAll { !start.lexicographicallyPrecedes($0.place) }
        places.sort { $0.place.lexicographicallyPrecedes($1.place) }
        items = places.prefix(limit).map { entities[$0.index] }
        next = places.count > limit ? Hex.encode(places[limit - 1].place) : nil
    }

    /// The page as it is answered.
    func document(of item: (Entity) -> DocumentNode) -> DocumentNode {
        DocumentNode(
            object: [
                ("items", .array(items.map(item))),
                ("next_cursor", next.map { .string($0) } ?? .null),
                ("total", .integer(Int64(total))),
            ]
        )
    }
}

/// What all lists have in common in the OpenAPI document.
enum Paging {
    /// The parameters that every list has.
    static var parameters: [Operation.Parameter] {
        [
            Operation.Parameter(
                name: "limit",
                shape: .integer(1...200),
                summary: "At most so many.",
                fallback: .integer(50)
            ),
            Operation.Parameter(
                name: "cursor",
                shape: .text(.cursor),
                summary: "Where to go on: the `next_cursor` of the page before."
            ),
        ]
    }

    /// What a page of such entities looks like.
    static func shape(of object: ObjectShape) -> ObjectShape {
        ObjectShape(
            name: "\(object.name)Page",
            summary: "One page of a list.",
            fields: [
                ObjectShape.Field(
                    "items",
                    .list(.object(object), count: 0...200, isUnique: false),
                    "The entities, by name."
                ),
                ObjectShape.Field(
                    "next_cursor",
                    .optional(.text(.cursor)),
                    "Where the next page begins, if any."
                ),
                ObjectShape.Field("total", .natural, "How many there are on all pages."),
            ]
        ).output
    }
}
