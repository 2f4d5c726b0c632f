namespace DistSgd.Learning.Data;

/// <summary>A data file cannot be used: it is missing, empty, truncated, changed while being read, or malformed. The message says what to do.</summary>
public class DatasetException : Exception
{
    /// <summary>An error about a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="problem">What is wrong, and what was expected.</param>
    /// <param name="inner">The cause, if another exception was.</param>
    public DatasetException(string path, string problem, Exception? inner = null)
        : base($"{path}: {problem}", inner)
    {
        Path = path;
        Problem = problem;
    }

    /// <summary>For derived errors, which put a place before the problem.</summary>
    private protected DatasetException(string path, string place, string problem)
        : base($"{path}:{place}: {problem}")
    {
        Path = path;
        Problem = problem;
    }

    /// <summary>The file as it was named.</summary>
    public string Path { get; }

    /// <summary>What is wrong, without the place.</summary>
    public string Problem { get; }
}

/// <summary>A line of a data file is malformed.</summary>
public sealed class DatasetFormatException : DatasetException
{
    internal DatasetFormatException(string path, long line, int column, string problem)
        : base(path, $"{line}:{column}", problem)
    {
        Line = line;
        Column = column;
    }

    /// <summary>The line's number, from 1.</summary>
    public long Line { get; }

    /// <summary>The byte within the line, from 1.</summary>
    public int Column { get; }
}

/// <summary>Inside the reader: a malformed line whose number is not known yet.</summary>
internal sealed class LineFaultException(long lineOffset, LineFault fault) : Exception(fault.Problem)
{
    public long LineOffset => lineOffset;

    public LineFault Fault => fault;
}

/// <summary>What is wrong in a line, and at which 0-based byte.</summary>
internal sealed record LineFault(int At, string Problem)
{
    /// <summary>Nothing is wrong, but the text can't be cut into lines: one ends within quotes.</summary>
    public bool IsLineEndInField { get; init; }
}
