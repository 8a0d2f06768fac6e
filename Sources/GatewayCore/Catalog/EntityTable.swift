import HashTreeCollections

/// The entities of one kind by identity, sharing their structure with the table that they were changed from.
package struct EntityTable<Entity: Sendable>: Sendable {
    private var entities: TreeDictionary<EntityID<Entity>, Entity> = [:]

    init() {}

    /// The entity of this identity.
    package internal(set) subscript(id: EntityID<Entity>) -> Entity? {
        get { entities[id] }
        set { entities[id] = newValue }
    }

    /// How many there are.
    package var count: Int { entities.count }

    /// Whether there is none.
    package var isEmpty: Bool { entities.isEmpty }

    /// The entities in no particular order.
    package var values: [Entity] { Array(entities.values) }

    /// The identities in no particular order.
    package var keys: [EntityID<Entity>] { Array(entities.keys) }
}
