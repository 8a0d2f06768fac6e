import HashTreeCollections

/// The entities of one kind by identity, sharing their structure with the table that they were changed from.
package struct EntityTable<Entity: Sendable>: Sendable {
    // One object for each, so that the snapshot can hold on to it too.
    private var entities: TreeDictionary<EntityID<Entity>, SharedEntity<Entity>> = [:]

    init() {}

    /// The entity of this identity.
    package subscript(id: EntityID<Entity>) -> Entity? { entities[id]?.value }

    /// The entity of this identity, if it is one at all.
    package subscript(id: EntityID<Entity>?) -> Entity? { id.flatMap { self[$0] } }

    /// How many there are.
    package var count: Int { entities.count }

    /// Whether there is none.
    package var isEmpty: Bool { entities.isEmpty }

    /// The entities in no particular order.
    package var values: [Entity] { entities.values.map(\.value) }

    /// The identities in no particular order.
    package var keys: [EntityID<Entity>] { Array(entities.keys) }

    /// The entity of this identity, to be kept without a copy.
    func shared(_ id: EntityID<Entity>) -> SharedEntity<Entity>? { entities[id] }

    /// The entities in no particular order, to be kept without a copy.
    var sharedValues: some Sequence<SharedEntity<Entity>> { entities.values }

    /// Makes or replaces an entity.
    ///
    /// - Returns: the one that was there.
    @discardableResult
    mutating func put(_ entity: consuming Entity, _ id: EntityID<Entity>) -> Entity? {
        entities.updateValue(SharedEntity(entity), forKey: id)?.value
    }

    mutating func remove(_ id: EntityID<Entity>) {
        entities[id] = nil
    }
}

/// An entity of the catalog in a place of its own.
final class SharedEntity<Entity: Sendable>: Sendable {
    let value: Entity

    init(_ value: consuming Entity) {
        self.value = value
    }
}
