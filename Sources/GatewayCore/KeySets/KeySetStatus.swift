/// How a source of keys stands.
package struct KeySetStatus: Sendable {
    /// The keys in force; `nil` when there are none that are believed.
    package let keySet: ProviderKeySet?
    /// Why the last fetch failed; `nil` when it did not.
    package let lastError: String?
    /// How many fetches have failed since the last good one.
    package let failures: Int

    /// Takes the parts.
    package init(keySet: ProviderKeySet?, lastError: String?, failures: Int) {
        self.keySet = keySet
        self.lastError = lastError
        self.failures = failures
    }
}
