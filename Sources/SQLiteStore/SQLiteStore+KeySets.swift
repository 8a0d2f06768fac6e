import GRDB
package import GatewayCore

extension SQLiteStore: KeySetStore {
    package func keySets() async throws -> [String: KeptKeySet] {
        try await perform(.deferred) { database in
            var sets: [String: KeptKeySet] = [:]
            let columns = "source, key_set, fetched_at, fresh_until"
            try StoredRow.forEach(in: database, table: "key_sets", columns: columns) { row in
                sets[try row.text(0)] = KeptKeySet(
                    text: try row.text(1),
                    fetchedAt: Timestamp(secondsSinceEpoch: try row.number(2)),
                    freshUntil: Timestamp(secondsSinceEpoch: try row.number(3))
                )
            }
            return sets
        }
    }

    package func keep(_ set: KeptKeySet, of source: String) async throws {
        try await perform(.immediate) { database in
            try database.execute(
                sql: """
                    INSERT OR REPLACE INTO key_sets (source, key_set, fetched_at, fresh_until)
                    VALUES (?, ?, ?, ?)
                    """,
                arguments: [
                    source, set.text, set.fetchedAt.secondsSinceEpoch, set.freshUntil.secondsSinceEpoch,
                ]
            )
        }
    }

    package func forgetKeySets(except sources: [String]) async throws {
        try await perform(.immediate) { database in
            let kept = try StoredList(sources).json
            try database.execute(
                sql: "DELETE FROM key_sets WHERE source NOT IN (SELECT value FROM json_each(?))",
                arguments: [kept]
            )
        }
    }
}
