import Foundation
import GatewayCore

extension Timestamp {
    /// The system's clock: one of the two places where time comes from (the other is the event loops' own).
    static var systemNow: Timestamp {
        Timestamp(secondsSinceEpoch: Int64(Date().timeIntervalSince1970.rounded(.down)))
    }
}
