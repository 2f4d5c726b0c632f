namespace DistSgd.Learning.Data;

/// <summary>
/// What a cache must have been made from to be valid: the source as it is now. Where the operating system keeps a time of change, every change is noticed; without it, one that keeps length, time and
/// all sampled bytes would not be.
/// </summary>
/// <param name="Bytes">The source's length as stored.</param>
/// <param name="ModifiedTicks">When it was last modified, UTC, in units of 100 ns.</param>
/// <param name="ChangedNs">When anything of it was last changed (ctime), which no program can set back; also by a new name or owner. 0: not known.</param>
/// <param name="Sample">Checksum of its first and last 64 KiB and of 16 blocks of 4 KiB between them.</param>
internal readonly record struct CacheKey(long Bytes, long ModifiedTicks, long ChangedNs, uint Sample)
{
    private const int EdgeBytes = 64 << 10;
    private const int BlockBytes = 4 << 10;
    private const int Blocks = 16;

    public static CacheKey Of(SourceFile source)
    {
        byte[] sample = new byte[(2 * EdgeBytes) + (Blocks * BlockBytes)];
        int filled = Read(source, sample.AsSpan(0, EdgeBytes), 0);
        filled += Read(source, sample.AsSpan(filled, EdgeBytes), Math.Max(0, source.Bytes - EdgeBytes));
        for (int i = 1; i <= Blocks; i++) filled += Read(source, sample.AsSpan(filled, BlockBytes), (long)((Int128)source.Bytes * i / (Blocks + 1)));
        return new CacheKey(source.Bytes, source.ModifiedTicks, source.ChangedNs, Checksum.Of(sample.AsSpan(0, filled)));
    }

    private static int Read(SourceFile source, Span<byte> target, long offset)
    {
        int filled = 0;
        while (filled < target.Length)
        {
            int read = RandomAccess.Read(source.Handle, target[filled..], offset + filled);
            if (read == 0) break;
            filled += read;
        }
        return filled;
    }
}
