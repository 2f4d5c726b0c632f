using System.Text;
using DistSgd.Kernels;

namespace DistSgd.Shared.CommandLine;

/// <summary>
/// What a command prints, where it may be that it can't: a full disk, a closed descriptor, a pipe whose reader has gone. By default that ends the command; one that has more to do than printing goes on
/// (<see cref="GoOn"/>). Any thread's.
/// </summary>
public sealed class CommandOutput : TextWriter
{
    private readonly TextWriter _inner;
    private readonly int? _descriptor;

    // Written by whoever prints first in vain, read by all.
    private volatile string? _failure;

    // Written when the command begins, before it prints.
    private volatile bool _goesOn;
    private string? _kept;

    private CommandOutput(TextWriter inner, int? descriptor, string? failure) => (_inner, _descriptor, _failure) = (inner, descriptor, failure);

    /// <summary>One of the process's own streams.</summary>
    /// <param name="open">Opens it; fails where it is closed.</param>
    /// <param name="descriptor">Its number.</param>
    public static CommandOutput Open(Func<TextWriter> open, int descriptor)
    {
        try
        {
            return new CommandOutput(open(), descriptor, null);
        }
        catch (Exception refused) when (IsFailure(refused))
        {
            return new CommandOutput(Null, null, Explain(refused));
        }
    }

    /// <summary>The writer itself if it is one, else one around it.</summary>
    public static CommandOutput Of(TextWriter output) => output as CommandOutput ?? new CommandOutput(output, null, null);

    /// <inheritdoc/>
    public override Encoding Encoding => _inner.Encoding;

    /// <summary>Printing isn't all that the command does: where it can't print, it goes on.</summary>
    /// <param name="output">What it was given to print to.</param>
    /// <param name="kept">Where its work is to be found when it has succeeded, as a sentence's end: it then fails with it. Null: what it prints is a log, which nobody has to read.</param>
    public static void GoOn(TextWriter output, string? kept)
    {
        if (output is CommandOutput own)
            (own._kept, own._goesOn) = (kept, true);
    }

    /// <summary>Ends a command that succeeded otherwise.</summary>
    /// <exception cref="OutputLostException">What it printed is not all written.</exception>
    public void Conclude()
    {
        if (_failure is { } failure && _kept is { } kept)
            throw new OutputLostException($"{Lost(failure)}; {kept}.");
        if (_failure is { } why && !_goesOn)
            throw new OutputLostException($"{Lost(why)}.");
    }

    /// <inheritdoc/>
    public override void Write(char value) => Print(value, static (inner, value) => inner.Write(value));

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Print((buffer, index, count), static (inner, part) => inner.Write(part.buffer, part.index, part.count));

    /// <inheritdoc/>
    public override void Write(string? value) => Print(value, static (inner, value) => inner.Write(value));

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Print(value, static (inner, value) => inner.WriteLine(value));

    /// <inheritdoc/>
    public override void Flush() => Print(0, static (inner, _) => inner.Flush());

    /// <inheritdoc/>
    public override Task WriteAsync(string? value)
    {
        Write(value);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task WriteLineAsync(string? value)
    {
        WriteLine(value);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task FlushAsync()
    {
        Flush();
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public override Task FlushAsync(CancellationToken cancellationToken) => FlushAsync();

    private static string Lost(string failure) => $"Standard output can't be written ({failure})";

    private static bool IsFailure(Exception failure) => failure is IOException or UnauthorizedAccessException;

    // So .NET reports a descriptor that isn't open, or is open for reading.
    private static string Explain(Exception failure) => failure is UnauthorizedAccessException ? "it is closed" : failure.Message.TrimEnd('.');

    private void Print<T>(T what, Action<TextWriter, T> write)
    {
        if (_failure is null)
        {
            try
            {
                write(_inner, what);
            }
            catch (Exception refused) when (IsFailure(refused))
            {
                _failure = Explain(refused);
            }
        }
        if (_goesOn)
            return;
        if (_failure is { } failure)
            throw new OutputLostException($"{Lost(failure)}.");
        if (_descriptor is { } descriptor && PipeEnd.IsGone(descriptor))
            throw new OutputLostException("Nobody reads standard output any more.") { IsReaderGone = true };
    }
}

/// <summary>A command's output could not be written.</summary>
/// <param name="message">One sentence.</param>
public sealed class OutputLostException(string message) : IOException(message)
{
    /// <summary>Whether that is because its reader has gone, which isn't worth a word.</summary>
    public bool IsReaderGone { get; init; }
}
