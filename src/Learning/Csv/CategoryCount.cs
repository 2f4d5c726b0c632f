using System.Collections.Concurrent;

namespace DistSgd.Learning.Csv;

/// <summary>Counts distinct categories, and those whose feature another category has too. One thread's; the counts of several are joined.</summary>
internal sealed class CategoryCount(int hashBits)
{
    private const int CollidingMax = 1 << 20;

    private readonly ulong[] _first = new ulong[1 << hashBits]; // the hash that came first to each feature; 0: none
    private readonly HashSet<ulong> _colliding = [];

    /// <summary>Distinct categories; a lower bound beyond 2^20 collisions.</summary>
    public long Distinct => _first.LongCount(hash => hash != 0) + _colliding.Count;

    public long Collisions => _colliding.Count;

    /// <summary>Counts a category and returns its feature among those of categories.</summary>
    public uint Add(ulong hash)
    {
        uint place = (uint)(hash >> (64 - hashBits));
        ref ulong first = ref _first[place];
        if (first == hash) return place;
        if (first == 0) first = hash;
        else if (_colliding.Count < CollidingMax) _colliding.Add(hash);
        return place;
    }

    public void Join(CategoryCount other)
    {
        foreach (ulong hash in other._first) if (hash != 0) Add(hash);
        foreach (ulong hash in other._colliding) Add(hash);
    }
}

/// <summary>The counts of all threads that read one file: a count is megabytes, so that a part's is the next part's. Any thread.</summary>
internal sealed class CategoryCounts(int hashBits)
{
    // As many as parts are parsed at once.
    private readonly ConcurrentBag<CategoryCount> _free = [];

    /// <summary>A count for the caller alone, until it is given back.</summary>
    public CategoryCount Take() => _free.TryTake(out CategoryCount? count) ? count : new CategoryCount(hashBits);

    public void Give(CategoryCount count) => _free.Add(count);

    /// <summary>Forgets what was counted: the file is read once more.</summary>
    public void Clear() => _free.Clear();

    /// <summary>All that were given back, as one; they are empty then.</summary>
    public CategoryCount Join()
    {
        CategoryCount all = Take();
        while (_free.TryTake(out CategoryCount? more)) all.Join(more);
        return all;
    }
}
