import GRDB
package import GatewayCore

extension SQLiteStore: LastUseStore {
    package func lastUses(of ids: [UseID]?) async throws -> [UseID: Timestamp] {
        try await perform(.deferred) { database in
            guard let ids else { return try Self.lastUses(in: database, where: "", []) }
            return try ids.reduce(into: [:]) { uses, id in
                let found = try Self.lastUses(in: database, where: "WHERE id = ?", [id.text])
                uses.merge(found) { max($0, $1) }
            }
        }
    }

    private static func lastUses(
        in database: Database,
        where clause: String,
        _ arguments: StatementArguments
    ) throws -> [UseID: Timestamp] {
        var uses: [UseID: Timestamp] = [:]
        let rows = try StoredRows(
            in: database,
            table: "last_used",
            columns: "id, at",
            clauses: clause,
            arguments: arguments
        )
        while let row = try rows.next() {
            let id: UseID = try row.value(0) { UseID($0) }
            uses[id] = Timestamp(secondsSinceEpoch: try row.number(1))
        }
        return uses
    }

    package func record(_ uses: [UseID: Timestamp]) async throws {
        try await perform(.immediate) { database in
            let statement = try database.cachedStatement(
                sql: """
                    INSERT INTO last_used (id, at) VALUES (?, ?)
                    ON CONFLICT (id) DO UPDATE SET at = MAX(at, excluded.at)
                    """
            )
            for (id, time) in uses {
                try statement.execute(arguments: [id.text, time.secondsSinceEpoch])
            }
        }
    }

    /// Forgets when keys and API tokens were last used that are not there any more.
    package func forgetUsesOfTheGone() async throws {
        try await perform(.immediate) { database in
            try database.execute(
                sql: """
                    DELETE FROM last_used WHERE id NOT IN
                        (SELECT id FROM profile_keys UNION ALL SELECT id FROM api_tokens)
                    """
            )
        }
    }
}
