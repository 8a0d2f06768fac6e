/// Public keys whose private halves were never kept: see ``Decoys``.
enum RSADecoys {
    static let bits2048 =
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDhlO2f5cyCLMwL5sH3N2O6QS9kH1BW8foRSc31JsqPWrZpwqNx"
        + "BC59bMTGA5qSgsIfh2aS5QlZJSaNvNV7d88l9ecHfvP9ZESzeliGJjbsIs/CiztFzmnG5vr9ikmolTZxdMEvYhyT"
        + "DJ133mpn4l9o7U4QQJiaSk7oFdmobTqYSKOGTJW0CVU164M52Dv7JeZaWIa9v1/HqqnHx7LzRSzbYXEQF8IGm4Nn"
        + "mrCsC47ym3z7FYFpmbl9rovfLgf8uPHKVu/A9sjnNK5CiDf4mKvcnnaYvJbyrWOkUGzfpsUzsvAn9iogvYqj3Fej"
        + "7BopVUyEijRGpU/x4YaOy7llb2Q9"
    static let bits3072 =
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABgQCuxSUYQXTvlrALmqMempAkZkB1LpQX9Ly+N/65m7Fn6a6qh5TC"
        + "tJJGrUC2cYFUdG6Hzvk65iXKImmBu1fVcsiyZZlHx9RcwPr6JmfZNhwTK4awIQn8SxWbTKHNzLFwqLO0GaQCXO89"
        + "dP0WiGk5jFE6/sHtNmBBI1F0Uuxpd/+p+6iYfK66iha/l6zq0gP6ubvLn/Esy8TmydBjKNHGROlTInzxL9jH0q9W"
        + "HYT4sUgpzpRXu5YXOJI9jrNmCWIhuqTCupJvHhchXxtpD8zy9rZsGZTyJq0SRGRldd+0LeXVD+lxvoYpnGTu0tH7"
        + "TKpjS37pmZHnng0mKD61mQFR3kYZbXvb8yIkEKtNlmusCWeUMpB4NNqpo/qbUi0huRRvBRoWeCPaXMQwiUO9cJf6"
        + "ZtiwQPV5gGJbG6PITAXJZOTT4YinPRDr+X6fXlxl5+SXFbBK0h6ige5YiMajL2s1ikVhdw+sy34FilqcTo3UMjan"
        + "WEP51wV6eVpANiY15uW2Ni8="
    static let bits4096 =
        "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAACAQCvMg0tfPgGm2/qR7cWJU5oyFpbeHcZA06Ge6arrYZmXjngIXnP"
        + "wZ6SbdI/IupL5IzE+aPlMqMLvNmBf9JYgPK5UTmKqk9y0HVLHV0zvb9wQRZgRRDcFkFm3EXh2ZyBqq5BLeGPSOQ1"
        + "uiBU7s6MkFkhi6oEnPUwu2PuBvQApmaJZTsOGr9HQcFq209Pn4QK82TbS0l6SLazbTe8sO0UIXUX2Peg1F/2X6Cp"
        + "2v8tE21QXNQEmrlL9w8DZaV+JT/sZ+vvfTVtTtFBr3E2TkL6vme7Ihij5Arl+MXNXbTQA7JGhzd/OTTby7QxZdWJ"
        + "rKmomaHr+w7FEk0sb6hUGt1BsWCHmPn8dhaE/YGnX9XD0v3pNLw4aCjcEShCIAQ9yCwQHrHHaEPOymRFrTYj4uEn"
        + "rsK5d9ZU4ZUAuT2SJzURk9XiccNRoD/r0gUDMioiw/BmUpUdNbK1eti1fev15opFPnDq+817zjoVI4xdp6UbUXyT"
        + "m4zjaK7PtBSwM8Gi56C5huwXUY/HcNyDeevOF+GtMjf5WrIY9FwaswihoUkhbNM19DxSamA8mB4+0Q98Zz5czc9h"
        + "IHqdm/RPWboJ8J2KOnNL79bENTc2Di4PkZt06rXNj1V6/ylv6QqhFlA4dFUOlzhKTivI/BU/5q2IqComDcn4MPrq"
        + "yY6xRYYR9kFPAyrZyw=="
}
