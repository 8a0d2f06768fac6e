/// All pages of the console.
enum ConsolePages {
    /// The routes, part by part.
    static var all: [ConsoleRoute] {
        OverviewPages().routes + DecisionPages().routes + WorkbenchPages().routes + AuditPages().routes
    }
}
