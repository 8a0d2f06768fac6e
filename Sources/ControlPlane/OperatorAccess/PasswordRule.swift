/// What a new password has to be: long, and not what everybody tries first (NIST SP 800-63B §5.1.1).
enum PasswordRule {
    /// The shortest, in characters.
    static let minimumLength = 12
    /// The longest, in bytes of UTF-8: more would only cost time.
    static let maximumBytes = 1024

    /// Why a password is not acceptable; never shows it.
    ///
    /// - Parameters:
    ///   - password: what was chosen.
    ///   - name: the name of the operator who chose it.
    /// - Returns: `nil` when it is acceptable.
    static func fault(_ password: String, of name: String) -> String? {
        guard password.utf8.count <= maximumBytes else {
            return "the password has \(password.utf8.count) bytes, expected at most \(maximumBytes)"
        }
        guard password.count >= minimumLength else {
            return "the password has \(password.count) characters, expected at least \(minimumLength)"
        }
        let plain = password.lowercased()
        if plain == name.lowercased() { return "the password is the name, expected another" }
        if isPattern(Array(plain.unicodeScalars)) {
            return "the password repeats or counts a few characters, expected one that is harder to guess"
        }
        if common.contains(plain) { return "the password is among those that are tried first" }
        return nil
    }

    /// Whether a text repeats up to four characters, or goes up or down the alphabet or the digits.
    private static func isPattern(_ scalars: [Unicode.Scalar]) -> Bool {
        let repeats = (1...4).contains { period in
            scalars.indices.dropFirst(period).allSatisfy { scalars[$0] == scalars[$0 - period] }
        }
        let steps = Set(zip(scalars, scalars.dropFirst()).map { Int64($1.value) - Int64($0.value) })
        // From 9 to 0, or from 0 to 9, counts as one step.
        return repeats || steps.isSubset(of: [1, -9]) || steps.isSubset(of: [-1, 9])
    }

    // The frequent ones of published lists that are long enough to come so far.
    private static let common: Set<String> = [
        "1q2w3e4r5t6y", "1q2w3e4r5t6y7u", "1q2w3e4r5t6y7u8i", "1q2w3e4r5t6y7u8i9o", "1q2w3e4r5t6y7u8i9o0p",
        "1qaz2wsx3edc", "1qaz2wsx3edc4rfv", "1qazxsw23edc", "qazwsxedcrfv", "qazwsxedc123", "zaq12wsxcde3",
        "q1w2e3r4t5y6", "q1w2e3r4t5y6u7", "qwertyuiop12", "qwertyuiop123", "qwertyuiop1234",
        "qwertyuiop[]", "qwertyuiop123456", "qwertyuiop1234567890", "1234567890qwertyuiop", "qwertyuiopasdf",
        "qwertyuiopasdfghjkl", "qwertyuiopasdfghjklzxcvbnm", "asdfghjkl123", "asdfghjkl1234",
        "asdfghjklzxcvbnm",
        "zxcvbnm12345", "zxcvbnm123456", "qwerty123456", "qwerty1234567", "qwerty12345678", "qwerty123456789",
        "qwerty1234567890", "qwertyqwerty", "123456qwerty", "123456789qwe", "1234567890qwe", "123qweasdzxc",
        "qweasdzxc123", "qwe123qwe123", "123qwe123qwe", "abc123abc123", "a1b2c3d4e5f6", "aa1234567890",
        "a12345678910", "a1234567890b", "abcd12345678", "abcdefg12345", "abcdefgh1234", "abc123456789",
        "123456789abc", "1234567890ab", "1234567890abc", "1234567890abcd", "123456789012", "1234567891011",
        "123456789101112", "1234567890123", "12345678901234567890", "0123456789012", "012345678910",
        "123123123123", "123321123321", "121212121212", "112233445566", "11223344556677", "111222333444",
        "1111111111112", "147258369147", "147258369258", "159753159753", "789456123000", "987654321000",
        "password1234", "password12345", "password123456", "password123456789", "passwordpassword",
        "password1password", "password2020", "password2021", "password2022", "password2023", "password2024",
        "password2025", "password2026", "passw0rd1234", "p@ssw0rd1234", "p@ssword1234", "p@ssw0rd12345",
        "passwort1234", "passwort12345", "motdepasse12", "motdepasse123", "contraseña12", "contrasena123",
        "password!123", "password123!", "password1234!", "password@123", "password@1234", "mypassword12",
        "mypassword123", "mypassword1234", "newpassword1", "newpassword12", "newpassword123", "changeme1234",
        "changeme12345", "changemenow1", "changeit1234", "default12345", "defaultpassword", "secret123456",
        "secretsecret", "topsecret123", "letmein12345", "letmein123456", "letmeinletmein", "letmeinplease",
        "welcome12345", "welcome123456", "welcome1234!", "welcome2024!", "welcome2025!", "welcome2026!",
        "welcomewelcome", "iloveyou1234", "iloveyou12345", "iloveyousomuch", "iloveyouforever",
        "ilovemyself12",
        "administrator", "administrator1", "administrator123", "adminadmin12", "adminadmin123",
        "adminadminadmin",
        "admin1234567", "admin12345678", "admin123456789", "adminpassword", "adminpassword1",
        "administration",
        "rootpassword", "rootrootroot", "toortoortoor", "superuser123", "supervisor123", "operator1234",
        "testtesttest", "testpassword", "testpassword1", "testpassword123", "testing12345", "test12345678",
        "test123456789", "guestguestguest", "useruseruser", "user12345678", "monkey123456", "dragon123456",
        "sunshine1234", "sunshine12345", "princess1234", "football1234", "baseball1234", "superman1234",
        "batman123456", "starwars1234", "pokemon12345", "whatever1234", "trustno1trustno1", "trustno12345",
        "correcthorsebatterystaple", "correct horse battery staple", "thequickbrownfox", "tobeornottobe",
        "unbelievable", "internet1234", "computer1234", "computer12345", "samsung12345", "google123456",
        "facebook1234", "linkedin1234", "minecraft123", "liverpool123", "chocolate123", "portcullis12",
        "portcullis123", "portcullis1234", "portcullisportcullis", "gatewaygateway", "gateway12345",
        "kubernetes123", "docker123456", "postgres1234", "oracle123456", "cisco1234567", "ubuntu123456",
    ]
}
