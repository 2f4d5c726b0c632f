using System.Threading.Channels;

namespace DistSgd.ParamServer.Services;

/// <summary>One event of a server's life.</summary>
/// <param name="Time">When.</param>
/// <param name="Text">What, in a sentence without control characters.</param>
public readonly record struct LogLine(DateTimeOffset Time, string Text);

/// <summary>
/// A server's life in lines, written by a task of its own: whoever tells is never held up by a terminal or a pipe that nobody reads. Any thread.
/// </summary>
public sealed class ServerLog : IAsyncDisposable
{
    /// <summary>Lines that wait to be written; further ones are dropped, and counted.</summary>
    public const int LinesMax = 1024;

    private const int TextCharsMax = 2000;

    private static readonly TimeSpan CloseDeadline = TimeSpan.FromSeconds(1);

    private readonly TimeProvider _time;
    private readonly Channel<LogLine>? _lines;
    private readonly Task _writing = Task.CompletedTask;
    private long _dropped;

    /// <summary>A log.</summary>
    /// <param name="write">Writes one line; null: nothing is written.</param>
    /// <param name="time">Time.</param>
    public ServerLog(Action<LogLine>? write, TimeProvider time)
    {
        _time = time;
        if (write is null)
            return;
        _lines = Channel.CreateBounded<LogLine>(new BoundedChannelOptions(LinesMax) { SingleReader = true });
        _writing = Task.Run(() => WriteAsync(_lines.Reader, write));
    }

    /// <summary>Tells what happened.</summary>
    /// <param name="what">A sentence; control characters, which names from the wire may hold, are replaced.</param>
    public void Tell(string what)
    {
        if (_lines is null)
            return;
        string text = string.Create(Math.Min(what.Length, TextCharsMax), what, (line, source) =>
        {
            for (int i = 0; i < line.Length; i++)
                line[i] = char.IsControl(source[i]) ? ' ' : source[i];
        });
        if (!_lines.Writer.TryWrite(new LogLine(_time.GetUtcNow(), text)))
            Interlocked.Increment(ref _dropped);
    }

    /// <summary>Writes what waits, as far as that is possible within a second.</summary>
    public async ValueTask DisposeAsync()
    {
        _lines?.Writer.TryComplete();
        try
        {
            await _writing.WaitAsync(CloseDeadline, _time);
        }
        catch (TimeoutException)
        {
            // Nobody reads it.
        }
    }

    private async Task WriteAsync(ChannelReader<LogLine> lines, Action<LogLine> write)
    {
        try
        {
            await foreach (LogLine line in lines.ReadAllAsync())
            {
                if (Interlocked.Exchange(ref _dropped, 0) is > 0 and long dropped)
                    write(line with { Text = $"{dropped} lines were not written: nobody read them" });
                write(line);
            }
        }
        catch (Exception closed) when (closed is IOException or ObjectDisposedException)
        {
            // Whoever read the output is gone; the server goes on.
        }
    }
}
