import Foundation
import Testing

/// What a run of a program left behind.
struct Run: Sendable {
    let status: Int32
    let output: String
    let errors: String

    /// The output without the line break at its end.
    var line: String {
        output.hasSuffix("\n") ? String(output.dropLast()) : output
    }
}

/// A directory of its own for each test, removed at the end.
final class Workplace: Sendable {
    let directory: URL

    init() throws {
        directory = FileManager.default.temporaryDirectory
            .appending(component: "portcullis-cli-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    }

    deinit {
        // Nothing depends on it.
        try? FileManager.default.removeItem(at: directory)
    }

    func url(_ name: String) -> URL {
        directory.appending(component: name)
    }

    @discardableResult
    func write(_ name: String, _ contents: String) throws -> String {
        try Data(contents.utf8).write(to: url(name))
        return name
    }

    func read(_ name: String) throws -> String {
        try String(contentsOf: url(name), encoding: .utf8)
    }

    /// Runs the program that was built beside these tests.
    func portcullis(
        _ arguments: String...,
        input: String = "",
        environment: [String: String] = [:]
    ) async throws -> Run {
        try await run(try #require(Self.program), arguments, input: input, environment: environment)
    }

    /// Runs the program and expects it to succeed.
    @discardableResult
    func success(_ arguments: String..., input: String = "") async throws -> Run {
        let run = try await run(try #require(Self.program), arguments, input: input)
        try #require(run.status == 0, "\(arguments): \(run.errors)")
        return run
    }

    /// Runs a tool of the system and expects it to succeed.
    @discardableResult
    func tool(_ name: String, _ arguments: String..., input: String = "") async throws -> Run {
        let run = try await run(URL(filePath: "/usr/bin/env"), [name] + arguments, input: input)
        try #require(run.status == 0, "\(name) \(arguments): \(run.errors)")
        return run
    }

    /// Runs a program in the directory, with nothing but these variables in its environment.
    func run(
        _ program: URL,
        _ arguments: [String],
        input: String = "",
        environment: [String: String] = [:]
    ) async throws -> Run {
        let id = UUID().uuidString
        let (inputFile, outputFile, errorFile) = (url("\(id).in"), url("\(id).out"), url("\(id).err"))
        try Data(input.utf8).write(to: inputFile)
        try Data().write(to: outputFile)
        try Data().write(to: errorFile)
        let process = Process()
        process.executableURL = program
        process.arguments = arguments
        process.currentDirectoryURL = directory
        process.environment = ["PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": directory.path()]
            .merging(environment) { $1 }
        // Files rather than pipes: no output, however long, can block the program.
        process.standardInput = try FileHandle(forReadingFrom: inputFile)
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        let (ended, continuation) = AsyncStream<Int32>.makeStream()
        process.terminationHandler = { ended in
            continuation.yield(ended.terminationStatus)
            continuation.finish()
        }
        try process.run()
        var status: Int32 = -1
        for await code in ended { status = code }
        return Run(
            status: status,
            output: try String(contentsOf: outputFile, encoding: .utf8),
            errors: try String(contentsOf: errorFile, encoding: .utf8)
        )
    }

    /// The program lies where the tests were built.
    static let program: URL? = {
        let places = [CommandLine.arguments[0], "/proc/self/exe"].map {
            URL(filePath: $0).resolvingSymlinksInPath().deletingLastPathComponent()
                .appending(component: "portcullis")
        }
        return places.first { FileManager.default.isExecutableFile(atPath: $0.path()) }
    }()
}
