using System.Runtime.InteropServices;

namespace DistSgd.Shared.CommandLine;

/// <summary>Turns the signals that ask a process to end into a cancellation; a second one ends it at once.</summary>
internal sealed class Interruption : IDisposable
{
    // SIGXFSZ: a file grew beyond the limit. Ignored, it becomes an error of the write, which says what happened.
    private const PosixSignal FileSizeLimit = (PosixSignal)25;

    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _registrations;

    public Interruption() => _registrations =
    [
        PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
        PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
        PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop),
        PosixSignalRegistration.Create(FileSizeLimit, signal => signal.Cancel = true),
    ];

    public CancellationToken Token => _stop.Token;

    public void Dispose()
    {
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
    }

    private void Stop(PosixSignalContext signal)
    {
        signal.Cancel = !_stop.IsCancellationRequested;
        _ = _stop.CancelAsync();
    }
}
