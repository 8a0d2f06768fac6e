/// A value that most entities do not have, kept in a place of its own: of 100,000 profiles each then pays one
/// pointer for it.
@propertyWrapper
package struct OutOfLine<Value: Sendable>: Sendable {
    private final class Place: Sendable {
        let value: Value

        init(_ value: Value) {
            self.value = value
        }
    }

    private var place: Place?

    /// The value, if there is one.
    package var wrappedValue: Value? {
        get { place?.value }
        set { place = newValue.map(Place.init) }
    }

    /// Takes a value, or none.
    package init(wrappedValue: Value?) {
        place = wrappedValue.map(Place.init)
    }
}
