namespace DistSgd.Shared.Jobs;

/// <summary>
/// Ends a process with its parent, however the parent dies: the parent holds the other end of standard input, and the operating system
/// closes it in any case.
/// </summary>
public static class ParentWatch
{
    /// <summary>Cancels when standard input ends; if the process is still there after the grace, exits it.</summary>
    /// <param name="input">Standard input.</param>
    /// <param name="stop">Cancelled at the end.</param>
    /// <param name="grace">Time to end in good order.</param>
    /// <param name="exit">Ends the process with the given code.</param>
    public static void Start(Stream input, CancellationTokenSource stop, TimeSpan grace, Action<int> exit)
    {
        var thread = new Thread(() =>
        {
            Span<byte> ignored = stackalloc byte[64];
            try
            {
                while (input.Read(ignored) > 0)
                {
                    // Nothing is expected on it.
                }
            }
            catch (IOException)
            {
                // A broken pipe is an end too.
            }
            stop.Cancel();
            // A background thread: a process that ends in good order doesn't wait for it.
            using var never = new ManualResetEventSlim();
            never.Wait(grace);
            exit(1);
        })
        {
            IsBackground = true,
            Name = "parent watch",
        };
        thread.Start();
    }
}
