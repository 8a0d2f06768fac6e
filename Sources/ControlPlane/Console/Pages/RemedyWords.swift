/// What mends a likely cause, in words.
enum RemedyWords {
    /// What the button says that changes the catalog; empty where there is nothing to change.
    static func button(_ action: String, _ value: String?) -> String {
        let value = value.map { " “\($0)”" } ?? ""
        return switch action {
        case "set_secret_is_base64": "Switch how the secret is read"
        case "rewrite_secret": "Keep the secret as the signer reads it"
        case "reactivate_key": "Activate the key"
        case "extend_key_retirement": "Keep the key for another week"
        case "start_key": "Let the key begin now"
        case "set_algorithm": "Allow\(value) for the key"
        case "set_method": "Switch the profile to\(value)"
        case "activate_profile": "Activate the profile"
        case "activate_client": "Activate the client"
        case "activate_api_token": "Activate the API token"
        case "extend_api_token": "Keep the API token for another week"
        case "set_identity_claim": "Look for the API token in\(value)"
        case "grant_collection": "Grant the collection"
        case "add_audience": "Accept the audience\(value)"
        case "add_issuer": "Accept the issuer\(value)"
        case "raise_leeway": "Allow for the difference of clocks"
        case "raise_max_lifetime": "Accept tokens that live so long"
        case "allow_address": "Allow the address\(value)"
        case "activate_endpoint": "Activate the endpoint"
        case "activate_collection": "Activate the collection"
        case "add_host": "Answer under the host\(value)"
        case "add_method": "Answer\(value)"
        default: ""
        }
    }

    /// What the caller has to do, where nothing is to be changed here.
    static func advice(_ action: String, _ value: String?) -> String {
        switch action {
        case "mint_another": "The caller has to sign another token."
        case "send_corrected": "The caller has to send it in its proper form."
        case "trust_proxy":
            "If \(value ?? "the address") is a proxy of yours, name it under Settings; else change nothing."
        case "use_path": "The caller has to call \(value ?? "another path")."
        default: ""
        }
    }

    /// What is to be thought of before it is done: what it breaks, or whom it lets in.
    static func effect(_ action: String) -> String {
        switch action {
        case "set_secret_is_base64", "rewrite_secret":
            "Tokens of signers that read the secret as it is read now are refused from then on."
        case "set_method": "Callers that authenticate in the way of now are refused from then on."
        case "reactivate_key", "extend_key_retirement", "start_key":
            "Every token signed with the key is accepted then, whoever has it: not for a key that leaked."
        case "activate_api_token", "extend_api_token":
            "Whoever has the API token can use it then: not for one that leaked."
        case "set_algorithm", "add_audience", "add_issuer", "raise_leeway", "raise_max_lifetime":
            "Nothing that is accepted now is refused; more tokens than this one are accepted."
        case "activate_profile", "activate_client":
            "Everybody is let in again whom the switch kept out, not this call alone."
        case "set_identity_claim":
            "Tokens that name the profile in another claim of its own are refused then."
        case "grant_collection": "The profile reaches every endpoint of the collection, not this one alone."
        case "allow_address": "Calls of the profile are accepted from this address too."
        case "activate_endpoint", "activate_collection", "add_host", "add_method":
            "It answers everybody who may call it, not this call alone."
        default: ""
        }
    }
}
