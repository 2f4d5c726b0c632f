using System.CommandLine;
using DistSgd.ParamServer.Hosting;
using DistSgd.Shared.CommandLine;

Interruption.Begin();
return await CommandRunner.RunAsync(ServerCommand.Configure(new RootCommand("A DistSgd parameter server.")), "DistSgd.ParamServer", args, CommandOutput.Open(() => Console.Out, 1), CommandOutput.Open(() => Console.Error, 2), ServerCommand.IsExpected);
