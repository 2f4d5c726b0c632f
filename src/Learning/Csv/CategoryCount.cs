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
