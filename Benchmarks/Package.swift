// swift-tools-version: 6.2

import PackageDescription

// A package of its own, so that nothing of the peers becomes a dependency of the gateway.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "benchmarks",
    dependencies: [
        // By name, because the folder of a clone can be called anything.
        .package(name: "portcullis", path: ".."),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
    ],
    targets: [
        // These two are the gateway's own folders: packages do not share what is no product.
        .target(name: "AllocationCounting", path: "AllocationCounting"),
        .target(
            name: "Measuring",
            dependencies: ["AllocationCounting"],
            path: "Measuring",
            swiftSettings: settings
        ),
        // libjwt, cjose and OpenSSL behind one shape each: a key prepared once, then whole tokens.
        .target(
            name: "PeerLibraries",
            path: "VerifierPeers/PeerLibraries",
            linkerSettings: [
                .linkedLibrary("jwt"), .linkedLibrary("cjose"), .linkedLibrary("jansson"),
                .linkedLibrary("crypto"),
            ]
        ),
        .executableTarget(
            name: "verifiers",
            dependencies: [
                "Measuring", "PeerLibraries",
                .product(name: "JOSE", package: "portcullis"),
                .product(name: "JWTKit", package: "jwt-kit"),
            ],
            path: "VerifierPeers/Comparison",
            swiftSettings: settings
        ),
    ]
)
