using DistSgd.Kernels;
using DistSgd.Learning.Data;
using DistSgd.Trainer;

namespace DistSgd.Cli;

/// <summary>
/// A data file that is named on the command line. <c>-</c> is standard input: it, or a pipe that is named, is copied to a file that is unlinked already, as reading takes more than one look, and worker
/// processes of this machine read it too.
/// </summary>
internal sealed class InputFile : IDisposable
{
    /// <summary>What names standard input.</summary>
    public const string StandardInput = "-";

    private readonly TemporaryFile? _copy;

    private InputFile(string name, TemporaryFile? copy)
    {
        Name = name == StandardInput ? "standard input" : name;
        Path = copy?.Path ?? name;
        _copy = copy;
    }

    /// <summary>For people.</summary>
    public string Name { get; }

    /// <summary>Where it can be opened.</summary>
    public string Path { get; }

    /// <summary>Whether it is a copy, which is gone with this process.</summary>
    public bool IsCopy => _copy is not null;

    /// <summary>What a name is where it can be read only once, by this process: "standard input" or "a pipe"; null: it is neither.</summary>
    public static string? StreamOf(string? name) => name == StandardInput ? "standard input" : name is not null && FileStatus.Of(name) is { Kind: FileKind.Pipe } pipe ? pipe.What : null;

    /// <summary>Finds a file, or copies standard input or a pipe to its end.</summary>
    /// <param name="name">As given.</param>
    /// <exception cref="TrainingException">The stream is empty, or there is no room for the copy.</exception>
    public static InputFile Of(string name)
    {
        if (StreamOf(name) is null)
            return new InputFile(name, null);
        string subject = name == StandardInput ? "Standard input" : $"The pipe {name}";
        var copy = new TemporaryFile();
        try
        {
            using Stream input = name == StandardInput ? Console.OpenStandardInput() : File.OpenRead(name);
            input.CopyTo(copy.Stream);
            copy.Stream.Flush();
            if (copy.Stream.Length > 0)
                return new InputFile(name, copy);
            copy.Dispose();
            throw new TrainingException($"{subject} is empty; expected rows of data. Pipe them in, or name a file.");
        }
        catch (IOException full)
        {
            copy.Dispose();
            throw new TrainingException($"{subject} cannot be copied to the folder {System.IO.Path.GetTempPath()}: {full.Message} Make room there, or name another folder in TMPDIR.", full);
        }
    }

    /// <summary>Reads it; failures name it as it was named.</summary>
    /// <exception cref="TrainingException">The stream is malformed.</exception>
    public T Read<T>(Func<string, T> read)
    {
        try
        {
            return read(Path);
        }
        catch (Exception failure) when (IsCopy && failure is DatasetException or LabelException)
        {
            throw new TrainingException(failure.Message.Replace(Path, Name, StringComparison.Ordinal), failure);
        }
    }

    public void Dispose() => _copy?.Dispose();
}
