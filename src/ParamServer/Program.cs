using System.CommandLine;
using DistSgd.ParamServer.Hosting;

return await ServerCommand.Configure(new RootCommand("A DistSgd parameter server.")).Parse(args).InvokeAsync();
