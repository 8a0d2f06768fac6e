import GatewayCore
import JOSE
import NIOCore

/// Who takes the lines of the access log from the event loops.
///
/// It never makes them wait.
package protocol AccessLogSink: Sendable {
    /// Takes a batch, or counts it as lost.
    func add(_ batch: AccessLogBatch)
}

/// How a line of the access log is written.
package enum AccessLogFormat: String, Sendable, CaseIterable {
    /// One JSON object a line.
    case json
    /// The Common Log Format of web servers, with `client/profile` for the user.
    case common
}

/// Requests for the access log, before their lines have been written.
package struct AccessLogBatch: Sendable {
    /// How many requests a batch holds at most.
    package static let capacity = 1024

    private static let methodBytes = 32
    private static let pathBytes = 1024

    struct Entry: Sendable {
        let id: RequestID
        let startNanoseconds: Int64
        let microseconds: UInt64
        let status: Int
        let bytes: Int64
        let address: IPAddress
        let route: Route?
        let own: OwnEndpoint?
        let profile: CompiledProfile?
        let code: Rejection.Code?
        let versionMinor: Int
        let traceID: TraceID?
        let text: Int
        let methodLength: Int
        let pathLength: Int
    }

    private var entries: [Entry] = []
    private var texts: [UInt8] = []

    init() {}

    /// How many requests there are.
    package var count: Int { entries.count }

    /// Whether it should be handed over.
    var isFull: Bool { entries.count >= Self.capacity }

    mutating func append(
        _ request: borrowing FinishedRequest,
        _ head: RequestHead?,
        _ asked: AskedRequest?
    ) {
        if entries.isEmpty { entries.reserveCapacity(Self.capacity / 8) }
        let start = texts.count
        let (methodLength, pathLength) = RequestTexts.with(head, asked) { method, path in
            let method = method.extracting(first: Self.methodBytes)
            let path = path.extracting(first: Self.pathBytes)
            method.withUnsafeBufferPointer { texts.append(contentsOf: $0) }
            path.withUnsafeBufferPointer { texts.append(contentsOf: $0) }
            return (method.count, path.count)
        }
        entries.append(
            Entry(
                id: request.id,
                startNanoseconds: Int64(clamping: request.start.uptimeNanoseconds),
                microseconds: request.microseconds,
                status: request.status,
                bytes: request.bytes,
                address: request.address,
                route: request.key.route,
                own: request.key.own,
                profile: request.key.profile,
                code: request.key.code,
                versionMinor: head?.versionMinor ?? 1,
                traceID: head.flatMap { TraceContext.id(of: $0) },
                text: start,
                methodLength: methodLength,
                pathLength: pathLength
            )
        )
    }

    /// Writes the lines.
    ///
    /// - Parameters:
    ///   - format: how.
    ///   - wallOffset: what the wall clock is ahead of the system's uptime, in nanoseconds.
    ///   - lines: where to.
    package func write(_ format: AccessLogFormat, wallOffset: Int64, to lines: inout [UInt8]) {
        for entry in entries {
            let method = texts[entry.text..<entry.text + entry.methodLength]
            let path = texts[
                entry.text + entry.methodLength..<entry.text + entry.methodLength + entry.pathLength
            ]
            let time = wallOffset &+ entry.startNanoseconds
            let shown = Self.withoutToken(path)
            switch format {
            case .json: AccessLogLine.json(entry, method, shown, time, &lines)
            case .common: AccessLogLine.common(entry, method, shown, time, &lines)
            }
        }
    }
}

extension AccessLogBatch {
    /// The path without what could be an API token: some callers send theirs there.
    private static func withoutToken(_ path: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isCut = path.count >= pathBytes
        guard isCut || TokenMask.hasRun(path) else { return path }
        return Array(TokenMask.masked(String(decoding: path, as: UTF8.self), isCut: isCut).utf8)[...]
    }
}

/// One line of the access log.
///
/// No value can end it, or pretend to be another one.
private enum AccessLogLine {
    static func json(
        _ entry: AccessLogBatch.Entry,
        _ method: ArraySlice<UInt8>,
        _ path: ArraySlice<UInt8>,
        _ time: Int64,
        _ line: inout [UInt8]
    ) {
        func member(_ name: StaticString, _ value: String?) {
            line += ",\"\(name)\":".utf8
            if let value { quote(value, &line) } else { line += "null".utf8 }
        }
        line += "{\"time\":\"\(moment(time))\"".utf8
        member("request_id", entry.id.text)
        member("client_address", "\(entry.address)")
        member("method", method.isEmpty ? nil : String(decoding: method, as: UTF8.self))
        member("path", path.isEmpty ? nil : String(decoding: path, as: UTF8.self))
        line += ",\"status\":\(entry.status)".utf8
        member("code", entry.code?.rawValue)
        member("endpoint", entry.route?.label ?? entry.own?.rawValue)
        member("client", entry.profile?.client.name)
        member("profile", entry.profile?.profile.name)
        line += ",\"bytes\":\(entry.bytes),\"duration_us\":\(entry.microseconds)".utf8
        member("trace_id", entry.traceID?.text)
        line += "}\n".utf8
    }

    /// Quotes a text as JSON, in ASCII alone: whatever shows the log, nothing in it moves the cursor or turns the
    /// text around.
    private static func quote(_ text: String, _ line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        for unit in text.utf16 {
            switch unit {
            case 0x22, 0x5c:
                line.append(UInt8(ascii: "\\"))
                line.append(UInt8(truncatingIfNeeded: unit))
            case 0x20..<0x7f: line.append(UInt8(truncatingIfNeeded: unit))
            default:
                line += "\\u".utf8
                for shift in [12, 8, 4, 0] {
                    line.append(digit(UInt8(truncatingIfNeeded: unit >> UInt16(shift)) & 15))
                }
            }
        }
        line.append(UInt8(ascii: "\""))
    }

    static func common(
        _ entry: AccessLogBatch.Entry,
        _ method: ArraySlice<UInt8>,
        _ path: ArraySlice<UInt8>,
        _ time: Int64,
        _ line: inout [UInt8]
    ) {
        line += "\(entry.address) - ".utf8
        if let profile = entry.profile {
            escape(Array("\(profile.client.name)/\(profile.profile.name)".utf8)[...], &line)
        } else {
            line.append(UInt8(ascii: "-"))
        }
        line += " [\(commonMoment(time))] \"".utf8
        if method.isEmpty {
            line.append(UInt8(ascii: "-"))
        } else {
            escape(method, &line)
            line.append(UInt8(ascii: " "))
            escape(path, &line)
            line += " HTTP/1.\(entry.versionMinor)".utf8
        }
        line += "\" \(entry.status) \(entry.bytes)\n".utf8
    }

    /// Writes what is no visible ASCII, and what has a meaning in the line, as `\xhh`.
    private static func escape(_ bytes: ArraySlice<UInt8>, _ line: inout [UInt8]) {
        for byte in bytes {
            let isPlain =
                byte > 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
            if isPlain {
                line.append(byte)
            } else {
                line += [UInt8(ascii: "\\"), UInt8(ascii: "x"), digit(byte >> 4), digit(byte & 15)]
            }
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    /// RFC 3339 with milliseconds, in UTC.
    private static func moment(_ time: Int64) -> String {
        let second = time / 1_000_000_000
        let milliseconds = String(time / 1_000_000 % 1000)
        let text = Timestamp(secondsSinceEpoch: second).description.dropLast()
        return "\(text).\(String(repeating: "0", count: 3 - milliseconds.count))\(milliseconds)Z"
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    private static func commonMoment(_ time: Int64) -> String {
        // 2026-11-24T00:00:00Z
        let text = Array(Timestamp(secondsSinceEpoch: time / 1_000_000_000).description)
        let month = Int(String(text[5..<7])) ?? 1
        return
            "\(String(text[8..<10]))/\(months[month - 1])/\(String(text[0..<4])):\(String(text[11..<19])) +0000"
    }
}
