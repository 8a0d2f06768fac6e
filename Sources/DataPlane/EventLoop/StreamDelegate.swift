/// Who is told what happens on a ``StreamSocket``.
protocol StreamDelegate: AnyObject {
    /// The connection that was asked for stands; or the `errno` that says why not.
    func streamConnected(_ failure: Int32?)
    /// There may be something to receive.
    func streamIsReadable()
    /// ``StreamSocket/hasRoom`` became true again.
    func streamHasRoom()
    /// What was written before ``StreamSocket/finishOutput()`` has been sent, or cannot be.
    func streamOutputEnded()
    /// Nothing more can be sent; what was received before may still be read.
    func streamOutputBroke()
    /// The connection is broken.
    func streamBroke()
}
