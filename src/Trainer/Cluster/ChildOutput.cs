namespace DistSgd.Trainer.Cluster;

/// <summary>Reads a child's stream to its end, so that the child never waits for a reader, and keeps its beginning only.</summary>
/// <param name="stream">Standard output or error.</param>
internal sealed class ChildOutput(StreamReader stream)
{
    private const int KeptCharsMax = 4096;
    private const int BufferChars = 1024;

    private readonly char[] _kept = new char[KeptCharsMax];

    // Written by the reader, read after it has ended.
    private int _keptChars;

    /// <summary>The first line that isn't empty; null if there was none. To be asked after <see cref="ReadAsync"/> has ended.</summary>
    public string? FirstLine => new string(_kept, 0, _keptChars).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).FirstOrDefault();

    /// <summary>Reads until the stream's end.</summary>
    public async Task ReadAsync()
    {
        var buffer = new char[BufferChars];
        while (await stream.ReadAsync(buffer) is > 0 and var count)
        {
            int kept = Math.Min(count, KeptCharsMax - _keptChars);
            buffer.AsSpan(0, kept).CopyTo(_kept.AsSpan(_keptChars));
            _keptChars += kept;
        }
    }
}
