/// All pages of the console.
enum ConsolePages {
    /// The routes, part by part.
    static var all: [ConsoleRoute] {
        OverviewPages().routes + DecisionPages().routes + WorkbenchPages().routes + AuditPages().routes
            + ClientPages().routes
            + ProfileListPage().routes + ProfilePages().routes + TrialPages().routes
            + KeyPages().routes
            + APITokenPages().routes
            + RevocationPages().routes
            + RouteTestPages().routes
            + CollectionPages().routes
            + EndpointPages().routes
            + UpstreamPages().routes
            + SettingsPages().routes
            + OperatorPages().routes + AdminTokenPages().routes
    }
}
