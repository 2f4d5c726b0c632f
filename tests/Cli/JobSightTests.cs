using DistSgd.Cli.Tables;
using DistSgd.Protos.V1;
using DistSgd.Shared.Exchange;
using DistSgd.Shared.Sharding;

namespace DistSgd.Cli.Tests;

/// <summary>What servers may say of a job, and what is made of it.</summary>
public sealed class JobSightTests
{
    private const ulong Negative = ulong.MaxValue - 4;

    [Theory]
    [InlineData(0, 10, 10, 10, null, null)]
    [InlineData(0, 10, 0, 10, null, "Keys 0..10 of job 'mine' are held twice, by s:1 (shard 0) and s:1 (shard 1)")]
    [InlineData(0, 20, 10, 10, null, "Keys 10..20 of job 'mine' are held twice")]
    [InlineData(0, 12, 8, 12, null, "Keys 8..12 of job 'mine' are held twice")]
    [InlineData(0, 9, 10, 10, null, "s:1 doesn't hold keys 9..10 of table 'weights'")]
    [InlineData(2, 3, 10, 5, null, "s:1 doesn't hold keys 0..2, 5..10, 15..20 of table 'weights'")]
    [InlineData(2, 3, 10, 5, "2..5", null)]
    [InlineData(2, 3, 10, 5, "4..11", "s:1 doesn't hold keys 5..10 of table 'weights'")]
    [InlineData(0, 10, 9, 11, "0..5", "Keys 9..10 of job 'mine' are held twice")]
    public void Shards_MustHoldEachKeyOnce(ulong first, ulong count, ulong second, ulong more, string? range, string? says)
    {
        DescribeResponse answer = Answer();
        answer.Shards.Clear();
        answer.Shards.Add([Shard(0, first, count), Shard(1, second, more)]);
        long[]? part = range?.Split("..").Select(long.Parse).ToArray();
        string? refused = Refused(answer, part is null ? null : new KeyRange(part[0], part[1] - part[0]));
        if (says is null)
            Assert.Null(refused);
        else
            Assert.StartsWith(says, refused, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatCantBe_IsRefused_WithTheServersAddress()
    {
        (string Says, Action<DescribeResponse> Change)[] cases =
        [
            ("keys of 0 values", answer => answer.Jobs[0].Width = 0),
            ("keys of 4294967295 values", answer => (answer.Jobs[0].Width, answer.Jobs[0].EntryFloats) = (uint.MaxValue, uint.MaxValue)),
            ("keys of 2147483647 values and 1 floats", answer => answer.Jobs[0].Width = int.MaxValue),
            ("keys of 1 values and 0 floats", answer => answer.Jobs[0].EntryFloats = 0),
            ("keys of 2 values and 3 floats", answer => (answer.Jobs[0].Width, answer.Jobs[0].EntryFloats) = (2, 3)),
            ("keys of 1 values and 262145 floats", answer => answer.Jobs[0].EntryFloats = (1 << 18) + 1),
            ("no tables", answer => answer.Jobs[0].Tables.Clear()),
            ("table 'weights' with 0 keys", answer => answer.Jobs[0].Tables[0].Count = 0),
            ("table 'weights' with 4611686018427387904 keys", answer => answer.Jobs[0].Tables[0].Count = 1UL << 62),
            ("with 20 keys from 18446744073709551611 on", answer => answer.Jobs[0].Tables[0].FirstKey = Negative),
            ("shard 0 with 0 keys", answer => answer.Shards[0].Count = 0),
            ("shard 0 with 18446744073709551611 keys", answer => answer.Shards[0].Count = Negative),
            ("shard 0 with 25 keys from 18446744073709551611 on", answer => (answer.Shards[0].FirstKey, answer.Shards[0].Count) = (Negative, 25)),
            ("two shards of one number", answer => answer.Shards.Add(Shard(0, 20, 5))),
            ("it answers with another job", answer => answer.Jobs[0].Job = "other"),
            ("it answers with another job", answer => answer.Shards[0].Job = "other"),
            ("2 descriptions of it beside 1 shards", answer => answer.Jobs.Add(answer.Jobs[0].Clone())),
            ("0 descriptions of it beside 1 shards", answer => answer.Jobs.Clear()),
        ];
        foreach ((string says, Action<DescribeResponse> change) in cases)
        {
            DescribeResponse answer = Answer();
            change(answer);
            string? refused = Refused(answer);
            Assert.NotNull(refused);
            Assert.StartsWith("Server s:1 describes job 'mine' as it can't be: ", refused, StringComparison.Ordinal);
            Assert.Contains(says, refused, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void JobThatIsNotThere_TableThatIsNotThere_AndTooManyKeys_AreNamed()
    {
        Assert.StartsWith("Job 'mine' isn't on s:1", Refused(new DescribeResponse()), StringComparison.Ordinal);
        DescribeResponse named = Answer();
        named.Jobs[0].Tables[0].Name = "a\nb";
        Assert.Equal("Job 'mine' has no table 'weights'; it has 'a\\x0ab'.", Refused(named));
        DescribeResponse large = Answer();
        large.Jobs[0].EntryFloats = 4;
        large.Jobs[0].Tables[0].Count = large.Shards[0].Count = 1 << 30;
        Assert.StartsWith("1,073,741,824 keys of table 'weights' are too many at once", Refused(large), StringComparison.Ordinal);
    }

    [Fact]
    public void ServersOfDifferentJobsOfOneName_AreRefused()
    {
        var sight = new JobSight("mine");
        sight.Add("s:1", Answer());
        DescribeResponse other = Answer();
        other.Jobs[0].Tables[0].Count = 40;
        Assert.StartsWith("s:1 and s:2 hold different jobs of the name 'mine'", Assert.Throws<ParameterException>(() => sight.Add("s:2", other)).Message, StringComparison.Ordinal);
    }

    private static string? Refused(DescribeResponse answer, KeyRange? range = null)
    {
        try
        {
            var sight = new JobSight("mine");
            sight.Add("s:1", answer);
            sight.Find("weights", range);
            return null;
        }
        catch (ParameterException refused)
        {
            return refused.Message;
        }
    }

    private static DescribeResponse Answer() => new()
    {
        Jobs = { new JobDescription { Job = "mine", Width = 1, EntryFloats = 1, Tables = { new Table { Name = "weights", Count = 20 } } } },
        Shards = { Shard(0, 0, 20) },
    };

    private static ShardDescription Shard(uint number, ulong first, ulong count) => new() { Job = "mine", Shard = number, FirstKey = first, Count = count };
}
