using DistSgd.Shared.CommandLine;

namespace DistSgd.Cli;

/// <summary>Work that reads and computes, and may hang in the operating system: opening a pipe that nobody writes to, a network drive that is gone.</summary>
internal static class Interruptible
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    /// <summary>Runs it on a thread of its own; what doesn't end soon after the interruption ends with the process.</summary>
    /// <param name="work">Leaves no file half-written, unless it gives up by itself within the grace.</param>
    /// <param name="sentence">Says what was interrupted.</param>
    /// <param name="cancellationToken">The interruption.</param>
    public static Task<T> RunAsync<T>(Func<T> work, string sentence, CancellationToken cancellationToken) =>
        EndAsync(Task.Run(work, CancellationToken.None), sentence, cancellationToken);

    /// <summary>The same for work that waits for others, and doesn't know of the interruption.</summary>
    /// <param name="work">As above.</param>
    /// <param name="sentence">Says what was interrupted.</param>
    /// <param name="cancellationToken">The interruption.</param>
    public static Task<T> RunAsync<T>(Func<Task<T>> work, string sentence, CancellationToken cancellationToken) =>
        EndAsync(Task.Run(work, CancellationToken.None), sentence, cancellationToken);

    private static async Task<T> EndAsync<T>(Task<T> running, string sentence, CancellationToken cancellationToken)
    {
        try
        {
            return await running.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await Task.WhenAny(running, Task.Delay(Grace, CancellationToken.None));
            if (running.IsCompletedSuccessfully)
                return await running;
            throw new InterruptedException(sentence);
        }
    }
}
