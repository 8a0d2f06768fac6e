// swift-tools-version: 6.2

import PackageDescription

/// One settings array; every target uses it (STYLE: habit 12).
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

/// For the rooms that a request passes through.
///
/// Exclusivity checks cost a third of the data plane's own
/// instructions per request; debug builds, which run every test, keep them. JOSE does without: packages with
/// such flags cannot be used by others.
let requestPathSettings: [SwiftSetting] =
    settings + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

let package = Package(
    name: "portcullis",
    products: [
        .executable(name: "portcullis", targets: ["portcullis"]),
        .library(name: "JOSE", targets: ["JOSE"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .target(
            name: "JOSE",
            dependencies: [
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "SwiftASN1", package: "swift-asn1"),
            ],
            swiftSettings: settings + [.strictMemorySafety()]
        ),
        .target(
            name: "GatewayCore",
            dependencies: [
                "JOSE",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "HashTreeCollections", package: "swift-collections"),
            ],
            swiftSettings: requestPathSettings
        ),
        .target(name: "CLinux"),
        // OpenSSL of the distribution, for the listener's TLS (docs/decisions/0006).
        .target(name: "CTLS", linkerSettings: [.linkedLibrary("ssl"), .linkedLibrary("crypto")]),
        .target(
            name: "DataPlane",
            dependencies: [
                "CLinux", "CTLS", "GatewayCore", "JOSE",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOPosix", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
                // For the keys of identity providers.
                .product(name: "NIOSSL", package: "swift-nio-ssl"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: requestPathSettings
        ),
        .target(
            name: "ControlPlane",
            dependencies: [
                "GatewayCore", "JOSE",
                .product(name: "Crypto", package: "swift-crypto"),
                // scrypt, for the passwords of operators.
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "Logging", package: "swift-log"),
                // Hummingbird hands out channels: for the port, the peer's address, and closing.
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            exclude: ["Console/README.md"],
            // In the program itself: one binary, and nothing that could be missing beside it.
            resources: [.embedInCode("Console/Templates"), .embedInCode("Console/Assets")],
            swiftSettings: settings
        ),
        .target(
            name: "SQLiteStore",
            dependencies: [
                "GatewayCore", "JOSE",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Crypto", package: "swift-crypto"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "portcullis",
            dependencies: [
                "CLinux", "JOSE", "GatewayCore", "DataPlane", "ControlPlane", "SQLiteStore",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "PortcullisTestSupport",
            dependencies: ["JOSE", "GatewayCore"],
            swiftSettings: settings
        ),
        // One entry for each parser of outside bytes; Fuzzing/README.md says how they are run.
        .target(
            name: "FuzzTargets",
            dependencies: ["JOSE", "DataPlane", .product(name: "NIOCore", package: "swift-nio")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "fuzz",
            dependencies: ["FuzzTargets"],
            path: "Fuzzing/Runner",
            swiftSettings: settings
        ),
        .testTarget(
            name: "JOSETests",
            dependencies: ["JOSE", "FuzzTargets", "PortcullisTestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GatewayCoreTests",
            dependencies: ["GatewayCore", "JOSE", "PortcullisTestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "DataPlaneTests",
            dependencies: [
                "DataPlane", "GatewayCore", "FuzzTargets", .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "SQLiteStoreTests",
            dependencies: [
                "SQLiteStore", "GatewayCore", "JOSE", "PortcullisTestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "ControlPlaneTests",
            dependencies: [
                "ControlPlane", "GatewayCore", "JOSE",
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "Hummingbird", package: "hummingbird"),
                .product(name: "HummingbirdTesting", package: "hummingbird"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            swiftSettings: settings
        ),
        // Puts a counting malloc before the C library's: for benchmarks alone, never a part of `portcullis`.
        .target(name: "AllocationCounting", path: "Benchmarks/AllocationCounting"),
        .target(
            name: "Measuring",
            dependencies: ["AllocationCounting"],
            path: "Benchmarks/Measuring",
            swiftSettings: settings
        ),
        // The parts of the request path one by one; Benchmarks/Micro/README.md says how it is run.
        .executableTarget(
            name: "microbenchmarks",
            dependencies: [
                "AllocationCounting", "Measuring", "DataPlane", "GatewayCore", "JOSE",
                "PortcullisTestSupport",
                .product(name: "Crypto", package: "swift-crypto"),
                .product(name: "CryptoExtras", package: "swift-crypto"),
                .product(name: "NIOCore", package: "swift-nio"),
            ],
            path: "Benchmarks/Micro",
            exclude: ["README.md", "thresholds.json"],
            swiftSettings: requestPathSettings
        ),
        // Drives the built program; Golden/ has what it is expected to print.
        .testTarget(
            name: "PortcullisTests",
            dependencies: [
                "portcullis", "GatewayCore", "JOSE", .product(name: "Crypto", package: "swift-crypto"),
            ],
            exclude: ["Golden"],
            swiftSettings: settings
        ),
    ]
)
