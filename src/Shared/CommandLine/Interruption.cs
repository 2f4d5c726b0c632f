using System.Runtime.InteropServices;

namespace DistSgd.Shared.CommandLine;

/// <summary>
/// Turns the signals that ask a process to end into a cancellation. A later one ends it at once; what follows the first immediately is the same request, which
/// wrappers (timeout, a shell, a container's init) send to the process and again to its group.
/// </summary>
public sealed class Interruption : IDisposable
{
    // SIGXFSZ: a file grew beyond the limit. Ignored, it becomes an error of the write, which says what happened. Never unregistered: the runtime itself may
    // write at the process's very end, which would then be killed.
    private const PosixSignal FileSizeLimit = (PosixSignal)25;

    private static readonly Lazy<PosixSignalRegistration> IgnoredFileSizeLimit = new(() => PosixSignalRegistration.Create(FileSizeLimit, signal => signal.Cancel = true));

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource _stop = new();
    private readonly PosixSignalRegistration[] _registrations;
    private long _asked; // when the first came; 0: not yet. Signals are handled on any thread

    private static Interruption? _begun; // the main thread's

    /// <summary>Listens from now on, for the command line that runs next: to be called first of all, as the making of a command line takes time too.</summary>
    public static void Begin() => _begun = new Interruption();

    /// <summary>What <see cref="Begin"/> made, or a new one.</summary>
    internal static Interruption Take() => Interlocked.Exchange(ref _begun, null) ?? new Interruption();

    private Interruption()
    {
        _ = IgnoredFileSizeLimit.Value;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, Stop),
        ];
    }

    /// <summary>Cancelled when the process is asked to end.</summary>
    public CancellationToken Token => _stop.Token;

    /// <inheritdoc/>
    public void Dispose()
    {
        // What repeats a request may come while the process ends because of it.
        if (Volatile.Read(ref _asked) != 0)
            return;
        foreach (PosixSignalRegistration registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
    }

    private void Stop(PosixSignalContext signal)
    {
        long now = TimeProvider.System.GetTimestamp();
        long before = Interlocked.CompareExchange(ref _asked, now, 0);
        signal.Cancel = before == 0 || TimeProvider.System.GetElapsedTime(before, now) < Patience;
        _ = _stop.CancelAsync();
    }
}
