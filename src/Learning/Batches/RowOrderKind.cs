namespace DistSgd.Learning.Batches;

/// <summary>In which order a worker visits its rows.</summary>
public enum RowOrderKind
{
    /// <summary>Dealt to blocks at random; in each epoch the blocks come in a new random order, and the rows of each.</summary>
    Shuffled,

    /// <summary>As in the source.</summary>
    Sequential,

    /// <summary>Rows of each class, in random order, spread evenly among the others: neighbours are of different classes, as far as there are as many. Blocks come in a new random order in each epoch.</summary>
    Interleaved,

    /// <summary>The rows of the partition whose loss was largest when they were last visited come first (<see cref="LossOrder"/>); in the first epoch as <see cref="Shuffled"/>.</summary>
    LargestLoss,
}
